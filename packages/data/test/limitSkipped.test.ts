import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  arrayDataset,
  checkSkipped,
  IMAGENET_MEAN,
  IMAGENET_STD,
  type ImageDataset,
  ImageLoader,
  imageFolder,
  limitSkipped,
  measureNormalization,
  orderedBatches,
  PictureError,
  type SkippedPicture,
  TooManySkippedError,
} from "@splitmask/data";
import { createDevice } from "@splitmask/kernels";
import ndarray from "ndarray";
import { scratchFolder, writePictures } from "./pictures.js";

const device = createDevice({ threads: 1 });
afterAll(() => device.close());
const root = scratchFolder();
const views = [{ size: 8, mean: IMAGENET_MEAN, std: IMAGENET_STD }];

/** Tiny pictures; those that `isBad` names fail. */
function pictures(length: number, isBad: (index: number) => boolean): ImageDataset {
  const inner = arrayDataset(ndarray(new Uint8Array(length * 12), [length, 2, 2, 3]));
  return {
    length,
    classes: [],
    path: (index) => inner.path(index),
    label: () => -1,
    image: (index) =>
      isBad(index)
        ? Promise.reject(
            new PictureError(inner.path(index), index % 2 === 0 ? "zero bytes" : "the file is missing"),
          )
        : inner.image(index),
  };
}

/** Reads every picture, from the first on in steps of `stride`. */
async function readAll(dataset: ImageDataset, stride = 1): Promise<unknown> {
  for (let place = 0; place < dataset.length; place++) {
    try {
      await dataset.image((place * stride) % dataset.length);
    } catch (error) {
      if (!(error instanceof PictureError)) return error;
    }
  }
  return null;
}

describe("limitSkipped", () => {
  test("few bad pictures pass, each is told once, and the data set is the same otherwise", async () => {
    const told: SkippedPicture[] = [];
    const dataset = limitSkipped(
      pictures(100, (index) => index % 10 === 3),
      {
        onSkipped: (picture) => told.push(picture),
      },
    );
    expect(await readAll(dataset)).toBeNull();
    expect(await readAll(dataset)).toBeNull();
    expect(told).toHaveLength(10);
    expect(told[1]).toEqual({ path: "picture 13", reason: "the file is missing" });
    expect(dataset.skipped()).toEqual(told);
    expect(dataset.tried).toBe(100);
    expect((await dataset.image(0)).shape).toEqual([2, 2, 3]);
  });

  test("too many are an error with numbers, reasons and what to do", async () => {
    const error = await readAll(limitSkipped(pictures(100, (index) => index % 3 === 0)));
    expect(error).toBeInstanceOf(TooManySkippedError);
    expect((error as Error).message).toMatch(
      new RegExp(
        /^\d+ of \d+ pictures tried cannot be read \(\d+ %; maximumSkipped allows 10 %\)\. /.source +
          /Most common: \d+ × zero bytes; \d+ × the file is missing\. First: "picture 0": /.source +
          /zero bytes\. Check that the files are still there and whole, remove the bad ones, /.source +
          /or raise maximumSkipped \(--maximum-skipped 0\.5; 1: any number\)\.$/.source,
      ),
    );
    expect(
      await readAll(
        limitSkipped(
          pictures(100, (index) => index % 3 === 0),
          { maximumSkipped: 0.4 },
        ),
      ),
    ).toBeNull();
    expect(
      await readAll(
        limitSkipped(
          pictures(100, () => true),
          { maximumSkipped: 1 },
        ),
      ),
    ).toBeNull();
    expect(
      await readAll(
        limitSkipped(
          pictures(100, (index) => index === 50),
          { maximumSkipped: 0 },
        ),
      ),
    ).toBeInstanceOf(TooManySkippedError);
    expect(() =>
      limitSkipped(
        pictures(1, () => false),
        { maximumSkipped: 10 },
      ),
    ).toThrow("limitSkipped: maximumSkipped is 10; expected a share from 0 to 1, e.g. 0.1 for 10 %.");
  });

  test("one of two is no evidence; nor is a run of bad ones where the order is no sample", async () => {
    expect(await readAll(limitSkipped(pictures(2, (index) => index === 0)))).toBeNull();
    const head = () => pictures(1000, (index) => index < 90);
    expect(await readAll(limitSkipped(head()))).toBeNull();
    // In random order three of ten are soon enough.
    let tried = 0;
    const third = limitSkipped(pictures(1000, (index) => ++tried > 0 && index % 10 < 3));
    expect(await readAll(third, 389)).toBeInstanceOf(TooManySkippedError);
    expect(tried).toBeLessThan(100);
    const grouped = { ...head(), groups: Int32Array.of(0, 500) };
    expect(await readAll(limitSkipped(grouped))).toBeNull();
    const skipped = Array.from({ length: 101 }, (_, index) => ({
      path: `${index}`,
      reason: "too large: 9×9",
    }));
    const share = { tried: 1000, total: 1e6, maximumSkipped: 0.1, sample: true };
    expect(() => checkSkipped(skipped, share)).not.toThrow(); // 10.1 % of a sample may still be 10 % of all
    expect(() => checkSkipped(skipped, { ...share, total: 1000 })).toThrow("101 × too large");
    expect(() => checkSkipped(skipped, { ...share, tried: 400 })).toThrow(TooManySkippedError);
  });

  test("loaders pass the error on at once, wherever pictures are read", async () => {
    let decodes = 0;
    const all = limitSkipped(pictures(100_000, () => ++decodes > 0));
    const loader = new ImageLoader({ dataset: all, device, batchSize: 4, views, seed: 1 });
    await expect(loader.batch(0)).rejects.toThrow(TooManySkippedError);
    loader.close();
    expect(decodes).toBeLessThan(200);
    const bad = () => limitSkipped(pictures(200, () => true));
    await expect(measureNormalization(bad(), { device })).rejects.toThrow(TooManySkippedError);
    const read = async () => {
      for await (const batch of orderedBatches(bad(), { device, batchSize: 8, views })) loader.release(batch);
    };
    await expect(read()).rejects.toThrow(TooManySkippedError);
  });

  test.each([
    ["is not there any more", (folder: string) => rmSync(folder, { recursive: true })],
    [
      "is empty now",
      (folder: string) => {
        rmSync(folder, { recursive: true });
        mkdirSync(folder);
      },
    ],
  ])("a folder that %s: an error at the first picture, none takes its place", async (what, vanish) => {
    const folder = join(root, "folder");
    await writePictures(folder, 12);
    const dataset = limitSkipped(await imageFolder(folder), { maximumSkipped: 1 });
    const loader = new ImageLoader({
      dataset,
      device,
      batchSize: 4,
      views,
      seed: 1,
      cacheBytes: 0,
      readAhead: 0,
    });
    loader.release(await loader.batch(0));
    vanish(folder);
    await expect(loader.batch(1)).rejects.toThrow(
      `The folder of the pictures ${what}, so none of them can be read: ${folder}. Put it back, or mount its disk.`,
    );
    expect(loader.skipped()).toEqual([]);
    loader.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test("pictures that disappear while they are read", async () => {
    const folder = join(root, "vanishing");
    await writePictures(folder, 40);
    const dataset = limitSkipped(await imageFolder(folder));
    const loader = new ImageLoader({
      dataset,
      device,
      batchSize: 8,
      views,
      seed: 1,
      cacheBytes: 0,
      readAhead: 0,
    });
    for (let step = 0; step < 5; step++) loader.release(await loader.batch(step));
    for (let index = 1; index < dataset.length; index++) rmSync(dataset.path(index));
    await expect(loader.batch(5)).rejects.toThrow(
      /^\d+ of 40 pictures tried cannot be read .* the file is missing\./,
    );
    loader.close();
  });
});
