import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { arrayDataset, pictureCache } from "@splitmask/data";
import { createDevice } from "@splitmask/kernels";
import ndarray from "ndarray";
import { callMain } from "./command.js";

const folder = mkdtempSync(join(tmpdir(), "splitmask-cache-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(async () => {
  const plain = arrayDataset(ndarray(new Uint8Array(12 * 8 * 8 * 3), [12, 8, 8, 3]));
  const dataset = {
    ...{ length: 12, classes: [], label: () => -1, fingerprint: async () => "twelve" },
    path: (index: number) => plain.path(index),
    image: (index: number) => plain.image(index),
  };
  const device = createDevice({ threads: 1 });
  (await pictureCache(dataset, { device, decodeSize: 64, folder })).close();
  device.close();
});

const command = (...args: string[]) => callMain(args);

test("splitmask cache lists and clears", async () => {
  const listed = await command("cache", "--folder", folder);
  expect(listed.output).toMatch(
    /^0\.00 GB {2}12 pictures {2}64 pixels {2}\d{4}-\d\d-\d\d \d\d:\d\d {2}picture 0 {2}\S+\n0\.00 GB in /,
  );
  const { caches, bytes } = JSON.parse((await command("cache", "list", "--folder", folder, "--json")).output);
  expect(caches).toMatchObject([{ complete: true, pictures: 12, decodeSize: 64 }]);
  expect(bytes).toBeGreaterThan(12 * 8 * 8 * 3);
  expect((await command("cache", "clear", "--folder", folder)).output).toContain("GB deleted from");
  expect((await command("cache", "--folder", folder)).output).toBe(`0.00 GB in ${folder}\n`);
  expect(await command("cache", "empty")).toMatchObject({
    code: 2,
    error: 'error: cache: got "empty", expected list or clear.\n',
  });
});
