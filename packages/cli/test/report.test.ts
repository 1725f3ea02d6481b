/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { main } from "@splitmask/cli";
import type { Page } from "playwright-core";
import { type OpenedPage, startBrowser, type TestBrowser } from "./browser.js";
import { lastLine, type Outcome, splitmask, tinyModel } from "./command.js";
import { writePictures } from "./pictures.js";

let folder: string;
let run: string;
let tuned: string;
let browser: TestBrowser;

const desktop = { viewport: { width: 1280, height: 900 } };
const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
/** Would ask for a file, speak on the console, and break out of an attribute or a script, if it were taken for HTML. */
const hostile = `"'><img src=x onerror=console.error(1)><b>&amp;`;

beforeAll(async () => {
  const starting = startBrowser();
  folder = await mkdtemp(join(tmpdir(), "splitmask-report-"));
  run = join(folder, "run");
  tuned = join(folder, "tuned");
  const pictures = join(folder, "pictures");
  await writePictures(pictures, 12);
  await rename(join(pictures, "down"), join(pictures, hostile));
  await copyFile(join(pictures, "across", "000.png"), join(pictures, "across", `${hostile}.png`));
  const shape = [...tinyModel, ..."--depth 2 --vocabulary 64 --batch 8 --steps 6 --seed 3".split(" ")];
  const pretrained = await splitmask(["pretrain", pictures, "--out", run, ...shape]);
  expect([pretrained.code, pretrained.error]).toEqual([0, ""]);
  const labelled = ["--train", pictures, "--test", pictures];
  const settings = "--epochs 2 --batch 8 --threads 1".split(" ");
  const finetuned = await splitmask(["finetune", run, ...labelled, "--out", tuned, ...settings]);
  expect([finetuned.code, finetuned.error]).toEqual([
    0,
    expect.stringMatching(/^(warning: --test: 25 of 25 test pictures are training pictures too, .*\n){2}$/),
  ]);
  browser = await starting;
});
afterAll(async () => {
  await browser.close();
  await rm(folder, { recursive: true, force: true });
});

/** `splitmask report` in this process: the packages are loaded once. */
async function report(...args: string[]): Promise<Outcome> {
  const texts = { output: "", error: "" };
  const stream = (name: keyof typeof texts) => ({
    write: (text: string) => {
      texts[name] += text;
    },
  });
  const code = await main(["report", ...args, "--json"], {
    output: stream("output"),
    error: stream("error"),
  });
  return { code, ...texts };
}

/** Writes a page and gives its path. */
async function write(...args: string[]): Promise<string> {
  const outcome = await report(...args);
  expect(outcome.code).toBe(0);
  return (lastLine(outcome) as { report: string }).report;
}

/** What is drawn on a page that has no size, or an image that could not be decoded. */
function withoutSize(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll("img, svg[role=img], figure, table")]
      .filter((element) => element.checkVisibility() && element.closest("details") === null)
      .filter((element) => {
        const { width, height } = element.getBoundingClientRect();
        return (
          width < 40 || height < 40 || (element instanceof HTMLImageElement && element.naturalWidth === 0)
        );
      })
      .map((element) => element.outerHTML.slice(0, 200)),
  );
}

/** What every page has to keep to, at any width. */
async function expectGood({ page, complaints, requests }: OpenedPage): Promise<void> {
  expect(await withoutSize(page)).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBe(0);
  expect(await page.locator("[onerror]").count()).toBe(0);
  const anchors = await page
    .locator("nav a")
    .evaluateAll((links) => links.map((link) => link.getAttribute("href")!));
  expect(anchors.length).toBeGreaterThanOrEqual(3);
  for (const anchor of anchors) expect(await page.locator(`section${anchor} h2`).count()).toBe(1);
  expect(complaints).toEqual([]);
  expect(requests).toEqual([]);
}

test("the browser hears errors and sees requests and what has no size", async () => {
  const path = join(folder, "bad.html");
  await writeFile(
    path,
    `<img src="missing.png"><svg role="img" width="3"></svg><script>console.error("heard"); nothing()</script>`,
  );
  const { page, complaints, requests } = await browser.open(path);
  expect(complaints).toEqual(expect.arrayContaining(["heard", "nothing is not defined"]));
  expect(requests).toEqual([expect.stringMatching(/missing\.png$/)]);
  expect(await withoutSize(page)).toHaveLength(2);
  await page.close();
});

describe("the page of a pre-training run", () => {
  test("is small, and opens from disk with everything drawn, on desktops and phones", async () => {
    const path = join(run, "report.html");
    expect((await stat(path)).size).toBeLessThan(1_000_000);
    for (const device of [desktop, phone]) {
      const opened = await browser.open(path, device);
      await expectGood(opened);
      const headings = await opened.page.locator("h2").allTextContents();
      expect(headings).toEqual([
        "Training",
        "Two halves, each predicting the other",
        "Attention",
        "Map of the embeddings",
        "Nearest neighbours",
        "Confusion matrix",
        "Visual words",
        "Configuration",
      ]);
      // Original, rollout and two heads of four pictures.
      expect(await opened.page.locator("#attention img").count()).toBe(16);
      await opened.page.close();
    }
  });

  test("follows the reader's wish for dark, and prints without what is only of use on screens", async () => {
    const background = async (colorScheme: "light" | "dark") => {
      const { page } = await browser.open(join(run, "report.html"), { ...desktop, colorScheme });
      const colour = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      await page.emulateMedia({ media: "print" });
      expect(await page.locator("nav").isVisible()).toBe(false);
      await page.close();
      return colour;
    };
    expect(await background("light")).toBe("rgb(247, 246, 243)");
    expect(await background("dark")).toBe("rgb(19, 20, 23)");
  });

  test("reads out a chart where the mouse points", async () => {
    const { page } = await browser.open(join(run, "report.html"), desktop);
    const chart = page.locator("#training figure", { hasText: "What is minimised" });
    await chart.locator("svg:visible").hover();
    expect(await chart.locator(".readout").textContent()).toMatch(
      /^step \d {3}total [\d.]+ {3}inpaint [\d.]+ {3}match [\d.]+$/,
    );
    await page.mouse.move(2, 2);
    expect(await chart.locator(".readout").textContent()).toBe("");
    await page.close();
  });

  test("has a map with names, pictures, classes and zoom", async () => {
    const { page, complaints } = await browser.open(join(run, "report.html"), desktop);
    const map = page.locator("#map figure");
    const drawing = map.locator("> svg");
    const viewBox = () => drawing.getAttribute("viewBox");
    const dots = await map
      .locator(".dots")
      .evaluateAll((paths) => paths.map((path) => path.getAttribute("d")!.split("M").length - 1));
    expect(dots).toEqual([12, 13].sort((a, b) => a - b));

    // Points at the picture with the hostile name.
    const place = await map.evaluate((figure) => {
      const { x, y, names, width } = JSON.parse(figure.querySelector("script")!.textContent!);
      const index = names.findIndex((name: string) => name.startsWith("across/") && name.includes("onerror"));
      const scale = figure.querySelector("svg")!.clientWidth / width;
      return { x: x[index] * scale, y: y[index] * scale };
    });
    await drawing.hover({ position: place });
    expect(await map.locator(".tip").isVisible()).toBe(true);
    expect(await map.locator(".tip b").textContent()).toBe("across");
    expect(await map.locator(".tip svg use").count()).toBe(1);

    await map.getByRole("button", { name: "Pictures" }).click();
    expect(await map.locator(".points").isVisible()).toBe(false);
    const shown = await map.locator(".pictures use").count();
    expect(shown).toBeGreaterThan(3);
    expect(shown).toBeLessThanOrEqual(25);

    const whole = await viewBox();
    await map.getByRole("button", { name: "zoom in" }).click();
    expect((await viewBox())!.split(" ")[2]).toBe("500");
    await map.getByRole("button", { name: "Whole" }).click();
    expect(await viewBox()).toBe(whole);

    const only = map.getByRole("button", { name: hostile });
    await only.click();
    expect(await only.getAttribute("aria-pressed")).toBe("true");
    expect(await map.locator(".dots.dim").count()).toBe(1);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test("--map umap is the same each time", async () => {
    const maps = [];
    for (const name of ["first.html", "second.html"]) {
      const path = await write(run, "--map", "umap", "--threads", "1", "--out", join(folder, name));
      const page = await readFile(path, "utf8");
      expect(page).toContain("UMAP map of 25 embeddings");
      maps.push(/<script type="application\/json">(.*?)<\/script>/.exec(page)![1]);
    }
    expect(maps[0]).toBe(maps[1]);
  });
});

test("the page of a fine-tuned run", async () => {
  const path = await write(tuned);
  expect(path).toBe(join(tuned, "report.html"));
  const opened = await browser.open(path, desktop);
  await expectGood(opened);
  const { page } = opened;
  expect(await page.locator("header p").textContent()).toMatch(
    /fine-tuned after 6 steps of pre-training, with 25 pictures of 2 classes/,
  );
  const { accuracy } = JSON.parse(await readFile(join(tuned, "evaluation.json"), "utf8")) as {
    accuracy: number;
  };
  expect(await page.locator(".facts").textContent()).toContain(
    `Accuracy${(accuracy * 100).toFixed(1)} %of 25 test pictures`,
  );
  const cells = await page.locator("#confusion tbody td:not(.right)").allTextContents();
  expect(cells.reduce((sum, count) => sum + Number(count), 0)).toBe(25);
  expect(await page.locator("body").textContent()).not.toMatch(/never saw|No label/);
  await page.close();
});

describe("several runs", () => {
  test("side by side, with their curves in one chart", async () => {
    const path = await write(run, tuned, "--out", join(folder, "compare.html"));
    const opened = await browser.open(path, desktop);
    await expectGood(opened);
    const { page } = opened;
    expect(await page.locator(".runs li").allTextContents()).toEqual([`Arun${run}`, `Btuned${tuned}`]);
    const rows = await page
      .locator("#figures tbody tr")
      .evaluateAll((lines) => lines.map((line) => [...line.children].map((cell) => cell.textContent)));
    expect(rows).toContainEqual(["Steps", "6", "6"]);
    expect(rows.find(([name]) => name === "Match loss")!.slice(1)).toEqual([
      expect.stringMatching(/^\d/),
      "–",
    ]);
    expect(rows.find(([name]) => name === "Accuracy")!.slice(1)).toEqual(["–", expect.stringMatching(/ %$/)]);
    const settings = await page.locator("#settings tbody tr").allTextContents();
    expect(settings).toContain("methodsplitmaskclassifier");
    expect(settings.some((text) => text.startsWith("batch"))).toBe(false);

    const chart = page.locator("#curves figure").first();
    await chart.locator("svg:visible").hover();
    expect(await chart.locator(".readout").textContent()).toMatch(/^step \d {3}A [\d.]+ {3}B [\d.]+$/);
    await page.close();
    const small = await browser.open(path, phone);
    await expectGood(small);
    await small.page.close();
  });

  test.each([
    [["--map", "tsne"], 2, 1, '--map: got "tsne", expected pca or umap.'],
    [
      ["--map", "umap"],
      2,
      2,
      "--map is for the report of one run, and 2 are given: side by side only figures are shown. Leave it out, or give one run.",
    ],
    [["--pictures", "."], 2, 2, "--pictures is for the report of one run, and 2 are given"],
    [[], 2, 11, "report: 11 runs were given to put side by side; expected 2 to 10."],
  ])("errors: %j", async (options, code, count, message) => {
    const outcome = await report(...new Array<string>(count).fill(run), ...options);
    expect(outcome.error).toContain(message);
    expect(outcome.code).toBe(code);
  });

  test("a damaged evaluation.json is named", async () => {
    const path = join(folder, "damaged");
    await mkdir(path);
    await copyFile(join(run, "config.json"), join(path, "config.json"));
    for (const [text, message] of [
      ["{", "evaluation.json is not JSON"],
      ['{ "classes": ["a"] }', "evaluation.json is no evaluation"],
    ] as const) {
      await writeFile(join(path, "evaluation.json"), text);
      const outcome = await report(path);
      expect([outcome.code, outcome.error]).toEqual([1, expect.stringContaining(message)]);
      expect(outcome.error).toContain("Evaluate the run anew, or delete it.");
    }
  });
});
