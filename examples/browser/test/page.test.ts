import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { availableWasmSets } from "@splitmask/kernels";
import { startBrowser, type TestBrowser } from "../../../packages/report/test/browser.js";
import { pageServer } from "../serve.mjs";

let browser: TestBrowser;
const servers: Server[] = [];
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(async () => {
  await browser.close();
  for (const server of servers) server.close();
});

/** The page from a server of its own, as a visitor sees it. */
async function open(options: { readonly alone: boolean; readonly query: string }) {
  const server = pageServer(options);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `http://localhost:${(server.address() as AddressInfo).port}`;
  const opened = await browser.open(`${address}/${options.query}`, { viewport: { width: 400, height: 800 } });
  return { ...opened, address };
}

/** Pictures of two kinds, stripes across and stripes down. */
function drawPictures(count: number): string[] {
  return Array.from({ length: count }, (_, picture) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 100;
    const context = canvas.getContext("2d")!;
    for (let line = 0; line < 100; line += 10) {
      context.fillStyle = `hsl(${(picture * 40 + line) % 360} 80% 50%)`;
      if (picture % 2 === 0) context.fillRect(0, line, 100, 5);
      else context.fillRect(line, 0, 5, 100);
    }
    return canvas.toDataURL("image/png").split(",")[1]!;
  });
}

test("says how many pictures it wants, and fits a width of 400 pixels", async () => {
  const { page, complaints } = await open({ alone: false, query: "" });
  expect(await page.isDisabled("#start")).toBe(true);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(400);
  expect(complaints).toEqual([]);
});

// The kernels are there where Zig built them.
const kinds = availableWasmSets().length > 0 ? [{ alone: false }, { alone: true }] : [];
for (const { alone } of kinds) {
  const title = alone ? "on one thread, where memory cannot be shared" : "on threads";
  test(`trains ${title}, draws the loss and shows neighbors; nothing leaves the page`, async () => {
    const { page, complaints, requests, address } = await open({ alone, query: "?steps=4" });
    const pictures = await page.evaluate(drawPictures, 10);
    await page.setInputFiles(
      "#picker",
      pictures.map((base64, index) => ({
        ...{ name: `${index}.png`, mimeType: "image/png" },
        buffer: Buffer.from(base64, "base64"),
      })),
    );
    expect(await page.textContent("#status")).toBe("10 pictures.");
    await page.click("#start");
    await page.waitForFunction(() => /Trained|Error/.test(document.querySelector("#status")!.textContent!));
    const status = (await page.textContent("#status"))!;
    expect(status).toMatch(
      /^Step 4 of 4, loss \d+\.\d+, \d+ ms a step on \d+ threads, (simd128|relaxed-simd)\. Trained/,
    );
    if (alone) expect(status).toContain("on 1 threads");
    expect(
      await page.evaluate(() => document.querySelector<HTMLCanvasElement>("#curve")!.width),
    ).toBeGreaterThan(300);
    await page.click("#gallery button:nth-child(3)");
    await page.waitForSelector("#neighbors img:nth-child(7)");
    const titles = await page.$$eval("#neighbors img", (images) =>
      images.map((image) => (image as HTMLImageElement).title),
    );
    expect(titles[0]).toBe("the picture");
    expect(titles.slice(1).every((each) => /^similarity -?[01]\.\d\d$/.test(each))).toBe(true);
    expect(complaints).toEqual([]);
    expect(requests.filter((url) => !url.startsWith(address) && !url.startsWith(`blob:${address}`))).toEqual(
      [],
    );
  });
}
