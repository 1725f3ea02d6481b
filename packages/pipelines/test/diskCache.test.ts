import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { arrayDataset, type ImageDataset } from "@splitmask/data";
import { createDevice } from "@splitmask/kernels";
import { silentTerminal } from "@splitmask/pipelines";
import ndarray from "ndarray";
import { openDiskCache, wantsDiskCache } from "../src/pictures/diskCache.js";

const device = createDevice({ threads: 1 });
afterAll(() => device.close());
const folder = mkdtempSync(join(tmpdir(), "splitmask-cache-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const facts = { count: 1000, shortSide: 160 };
const config = { cache: "auto", cacheFolder: null, steps: 100, batch: 100, maximumSkipped: 0.1 } as const;

test("auto: where the pictures do not fit into memory and are passed over more than twice", () => {
  const request = { config, facts, decodeSize: 128 };
  const bytes = 1000 * 160 * 160 * 4;
  expect(wantsDiskCache(request, bytes - 1)).toBe(true);
  expect(wantsDiskCache(request, bytes)).toBe(false);
  expect(wantsDiskCache({ ...request, config: { ...config, steps: 20 } }, 0)).toBe(false);
  expect(wantsDiskCache({ ...request, config: { ...config, steps: 21 } }, 0)).toBe(true);
  expect(wantsDiskCache({ ...request, config: { ...config, steps: null } }, 0)).toBe(true); // a time limit
  // Larger pictures are reduced before they are kept.
  const large = { ...request, facts: { count: 1000, shortSide: 3000 } };
  expect(wantsDiskCache(large, 1000 * 128 * 128 * 4)).toBe(false);
});

/** What is said while a cache is opened, and whether there is one. */
async function open(cache: "auto" | "on" | "off", dataset: ImageDataset, cacheFolder = folder) {
  let text = "";
  const tell = (part: string | readonly string[] = "") => {
    text += `${part}\n`;
  };
  const terminal = { ...silentTerminal, line: tell, warn: tell, progress: tell };
  const opened = await openDiskCache(
    device,
    dataset,
    { config: { ...config, cache, cacheFolder }, facts: { count: 12, shortSide: 8 }, decodeSize: 64 },
    terminal,
  );
  opened?.close();
  return { text, opened: opened !== null };
}

test("on builds it and says so; auto uses one that is there; off does not; a folder without write access", async () => {
  const pixels = new Uint8Array(12 * 8 * 8 * 3).map((_, index) => index % 251);
  const plain = arrayDataset(ndarray(pixels, [12, 8, 8, 3]));
  const dataset: ImageDataset = {
    length: 12,
    classes: [],
    path: (index) => plain.path(index),
    label: () => -1,
    image: (index) => plain.image(index),
    fingerprint: async () => "twelve",
  };
  expect(await open("auto", dataset)).toEqual({ text: "", opened: false }); // they fit into memory
  const { text, opened } = await open("on", dataset);
  expect(opened).toBe(true);
  expect(text).toContain("cache: decoding the pictures once, 100 % of 12 pictures, 0.0 GB\n");
  expect(text).toContain(`GB of decoded pictures in ${join(folder, "pictures")}`);
  expect((await open("auto", dataset)).opened).toBe(true);
  expect(await open("off", dataset)).toEqual({ text: "", opened: false });
  const file = join(folder, "file");
  writeFileSync(file, "");
  await expect(open("on", dataset, file)).rejects.toThrow("cannot be made (ENOTDIR)");
  await expect(open("on", plain)).rejects.toThrow("the data set has no fingerprint()");
  expect(await open("auto", plain)).toEqual({ text: "", opened: false });
});
