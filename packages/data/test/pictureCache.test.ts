import { type ChildProcess, spawn } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import {
  clearCaches,
  defaultCacheFolder,
  hasPictureCache,
  type ImageBatch,
  ImageLoader,
  imageFolder,
  listCaches,
  orderedBatches,
  type PictureCache,
  pictureCache,
} from "@splitmask/data";
import { createDevice } from "@splitmask/kernels";
import ndarray from "ndarray";
import { noise, noiseDataset, noisePicture } from "./noise.js";
import { scratchFolder, writePictures } from "./pictures.js";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const root = scratchFolder();
let folder: string;
let number = 0;
beforeEach(() => {
  folder = join(root, `caches${number++}`);
});

/** The only cache's folder. */
const onlyCache = (): string => {
  const names = readdirSync(join(folder, "pictures"));
  expect(names).toHaveLength(1);
  return join(folder, "pictures", names[0]!);
};

async function expectPictures(cache: PictureCache, length: number, bad: ReadonlySet<number>, side = 40) {
  for (let index = 0; index < length; index++) {
    if (bad.has(index)) {
      await expect(cache.get(index)).rejects.toMatchObject({
        name: "PictureError",
        path: `noise ${index}`,
        reason: `torn "here"\nand there, ${index}`,
      });
      continue;
    }
    const { data, shape } = noisePicture(index, 1, side);
    const held = (await cache.get(index))!;
    expect([held.height, held.width]).toEqual(shape.slice(0, 2));
    expect(held.buffer.readOnly).toBe(true);
    const pixels = Buffer.from(await device.download(held, data.length));
    expect(pixels.equals(data)).toBe(true);
    held.release();
  }
}

interface BuilderOptions {
  /** Time to decode a picture. */
  readonly milliseconds?: number;
  /** What the shell does before. */
  readonly limit?: string;
  /**
   * The process kills itself a moment after so many pictures were begun, or when the first ones are stored: by its own
   * hand, so that a busy machine changes nothing.
   */
  readonly dieAfter?: number | "stored";
  /** Picture 5 is not decoded before this file is there. */
  readonly gate?: string;
}

/** Builds the cache of `length` noise pictures of `side` pixels in another process; picture 3 is bad. */
function builder(length: number, side: number, options: BuilderOptions = {}): ChildProcess {
  const { milliseconds = 1, limit = "", dieAfter, gate } = options;
  const code = `
    import { createDevice } from ${JSON.stringify(import.meta.resolve("@splitmask/kernels"))};
    import { pictureCache, PictureError } from ${JSON.stringify(import.meta.resolve("@splitmask/data"))};
    import { existsSync, readdirSync, statSync } from "node:fs";
    const noise = ${noise.toString()};
    const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
    const die = () => process.kill(process.pid, "SIGKILL");
    let begun = 0;
    const stored = () => {
      const [name] = readdirSync(${JSON.stringify(join(folder, "pictures"))});
      const journal = ${JSON.stringify(`${join(folder, "pictures")}/`)} + name + "/journal.bin";
      return statSync(journal, { throwIfNoEntry: false })?.size > 0;
    };
    const dataset = {
      length: ${length}, classes: [], label: () => -1, path: (index) => "noise " + index,
      fingerprint: async () => "noise ${length} 1 ${side}",
      image: async (index) => {
        process.stdout.write(index + "\\n");
        if (${dieAfter === "stored"} && stored()) die();
        if (++begun === ${JSON.stringify(dieAfter)}) setTimeout(die, begun % 7);
        await wait(${milliseconds});
        while (index === 5 && ${gate !== undefined} && !existsSync(${JSON.stringify(gate ?? "")})) await wait(5);
        if (index === 3) throw new PictureError("noise 3", 'torn "here"\\nand there, 3');
        const { pixels, height, width } = noise(index, 1, ${side});
        return { data: pixels, offset: 0, shape: [height, width, 3] };
      },
    };
    const device = createDevice({ threads: 1 });
    try {
      const onProgress = ({ waiting }) => { if (waiting) process.stdout.write("waiting\\n"); };
      const folder = ${JSON.stringify(folder)};
      const cache = await pictureCache(dataset, { device, decodeSize: null, folder, workers: 4, onProgress });
      process.stdout.write("complete " + cache.skipped().length + "\\n");
    } catch (error) {
      process.stdout.write("error " + error.message + "\\n");
    }
    device.close();`;
  const node = `exec "$0" --input-type=module --eval "$1"`;
  return spawn("sh", ["-c", `${limit}${node}`, process.execPath, code], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, NODE_OPTIONS: "" },
  });
}

/** Everything that a process writes, until it ends. */
async function linesOf(child: ChildProcess): Promise<string[]> {
  let text = "";
  child.stdout!.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  await new Promise((resolve) => child.on("close", resolve));
  return text.split("\n").filter((line) => line !== "");
}

describe("pictureCache", () => {
  test("holds every picture, and the bad ones with their reasons; a second start decodes nothing", async () => {
    const bad = new Set([0, 7, 49]);
    const { dataset, decoded } = noiseDataset({ length: 50, bad });
    const progress: number[] = [];
    const options = {
      device,
      decodeSize: 256,
      folder,
      onProgress: ({ done }: { done: number }) => progress.push(done),
    };
    expect(await hasPictureCache(dataset, options)).toBe(false);
    const first = await pictureCache(dataset, options);
    expect(await hasPictureCache(dataset, options)).toBe(true);
    expect(await hasPictureCache(dataset, { ...options, decodeSize: 128 })).toBe(false);
    expect(decoded).toHaveLength(50);
    expect(progress.at(-1)).toBe(50);
    expect(first).toMatchObject({
      length: 50,
      decodeSize: 256,
      rebuilt: null,
      path: onlyCache(),
    });
    expect(first.skipped().map(({ path }) => path)).toEqual(["noise 0", "noise 7", "noise 49"]);
    await expectPictures(first, 50, bad);
    const second = await pictureCache(dataset, options);
    expect(decoded).toHaveLength(50);
    await expectPictures(second, 50, bad);
    first.close();
    await expectPictures(second, 50, bad);
    second.close();
    await expect(second.get(1)).rejects.toThrow("was closed");
    expect(device.memory().mappedBytes).toBe(0);
    expect(readdirSync(onlyCache()).sort()).toEqual([
      "bad.jsonl",
      "complete.json",
      "index.bin",
      "pixels-000000.bin",
      "settings.json",
    ]);
  });

  test("batches are the same as without it, and nothing is decoded", async () => {
    const { dataset, decoded } = noiseDataset({ length: 41, bad: new Set([5, 6, 40]) });
    const view = { size: 16, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const;
    const cache = await pictureCache(dataset, { device, decodeSize: 32, folder });
    const content = async ({ indices, views }: ImageBatch) => [
      ...indices,
      Buffer.from((await views[0]!.data()).buffer as ArrayBuffer).toString("base64"),
    ];
    const run = async (options: object) => {
      const loader = new ImageLoader({ dataset, device, batchSize: 8, views: [view], seed: 1, ...options });
      const batches: unknown[] = [];
      for (let step = 0; step < 12; step++) batches.push(await content(await loader.batch(step)));
      const skipped = loader.skipped();
      loader.close();
      const ordered = orderedBatches(dataset, { device, batchSize: 8, views: [view], ...options });
      for await (const batch of ordered) batches.push(await content(batch));
      return { batches, skipped, also: ordered.skipped() };
    };
    const expected = await run({});
    const before = decoded.length;
    expect(await run({ cache })).toEqual(expected);
    expect(decoded).toHaveLength(before);
    expect(expected.skipped).toHaveLength(3);
    const other = { dataset: noiseDataset({ length: 40 }).dataset, decodeSize: null, cache };
    expect(() => new ImageLoader({ device, batchSize: 8, views: [view], seed: 1, ...other })).toThrow(
      "PictureStore: the cache holds 41 pictures reduced to 32 pixels, " +
        "but the data set has 40 pictures of full size. Make it with the same data set and decodeSize.",
    );
    cache.close();
    expect(device.memory().mappedBytes).toBe(0);
  });

  test("real files, reduced as the loader reduces them", async () => {
    const pictures = join(root, "pictures");
    await writePictures(pictures, 6, 70);
    const plain = await imageFolder(pictures);
    const dataset = {
      length: plain.length,
      classes: plain.classes,
      path: (index: number) => plain.path(index),
      label: (index: number) => plain.label(index),
      image: (index: number, request?: object) => plain.image(index, request),
      fingerprint: async () => "six",
    };
    const cache = await pictureCache(dataset, { device, decodeSize: 32, folder });
    for (let index = 0; index < 6; index++) {
      const { data, shape } = await plain.image(index, { shortSide: 32 });
      const held = (await cache.get(index))!;
      expect([held.height, held.width, 3]).toEqual(shape);
      expect(Math.min(held.height, held.width)).toBe(32);
      expect(Buffer.from(await device.download(held, data.length)).equals(data)).toBe(true);
      held.release();
    }
    cache.close();
  });

  test("other pictures or another size are another cache", async () => {
    const make = async (version: number, decodeSize: number | null) => {
      const { dataset, decoded } = noiseDataset({ length: 4, version });
      (await pictureCache(dataset, { device, decodeSize, folder })).close();
      return decoded.length;
    };
    expect(await make(1, 64)).toBe(4);
    expect(await make(2, 64)).toBe(4);
    expect(await make(1, null)).toBe(4);
    expect(await make(1, 64)).toBe(0);
    expect(readdirSync(join(folder, "pictures"))).toHaveLength(3);
  });

  test("killed at any moment, it goes on where it was", async () => {
    const [length, side] = [300, 120];
    const seen = new Map<number, number>();
    let kills = 0;
    let ended: string[] = [];
    // The first dies while it makes its folder, later ones while they write.
    for (const dieAfter of [1, 2, 5, "stored", 21, 40, undefined] as const) {
      const dies = dieAfter === undefined ? {} : { dieAfter };
      const lines = await linesOf(builder(length, side, { milliseconds: 20, ...dies }));
      for (const line of lines)
        if (/^\d+$/.test(line)) seen.set(Number(line), (seen.get(Number(line)) ?? 0) + 1);
      if (lines.at(-1)?.startsWith("complete")) ended = lines;
      else kills++;
      expect(lines.filter((line) => line.startsWith("error"))).toEqual([]);
    }
    expect(ended.at(-1)).toBe("complete 1");
    expect(kills).toBe(6);
    // The last start found most of them there.
    expect(ended.length).toBeLessThan(length);
    expect(seen.size).toBe(length);
    const { dataset, decoded } = noiseDataset({ length, side });
    const cache = await pictureCache(dataset, { device, decodeSize: null, folder });
    expect(decoded).toEqual([]);
    await expectPictures(cache, length, new Set([3]), side);
    cache.close();
  });

  test("a journal, a list and pixels that were cut off in the middle", async () => {
    const { dataset } = noiseDataset({ length: 40, bad: new Set([2]) });
    const stop = new AbortController();
    const counted = {
      ...dataset,
      image: async (index: number) => {
        if (index === 30) stop.abort();
        return dataset.image(index);
      },
    };
    const options = { device, decodeSize: null, folder, workers: 1 };
    await expect(pictureCache(counted, { ...options, signal: stop.signal })).rejects.toThrow("aborted");
    const at = (name: string) => join(onlyCache(), name);
    expect(existsSync(at("build.lock"))).toBe(false);
    const journal = readFileSync(at("journal.bin"));
    expect(journal.length).toBe(30 * 32); // 0 … 30 but 2
    expect((await listCaches(folder))[0]).toMatchObject({
      complete: false,
      done: 30,
      pictures: 40,
      source: null,
    });
    // The last record torn, the one before it damaged, half a line, and pixels that no record names.
    journal[27 * 32 + 5]! ^= 4;
    writeFileSync(at("journal.bin"), journal.subarray(0, 29 * 32 + 7));
    appendFileSync(at("bad.jsonl"), '{"index": 3, "rea');
    appendFileSync(at("pixels-000000.bin"), Buffer.alloc(100_000, 1));
    writeFileSync(at("pixels-000001.bin"), "left over");
    const again = noiseDataset({ length: 40, bad: new Set([2]) });
    const cache = await pictureCache(again.dataset, options);
    expect(again.decoded).toEqual([28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39]);
    await expectPictures(cache, 40, new Set([2]));
    cache.close();
  });

  test("two processes at once: one builds, the other waits; both have it", async () => {
    // The one that builds has to wait for the other to say that it waits.
    const gate = join(root, "gate");
    const children = [builder(60, 40, { gate }), builder(60, 40, { gate })];
    for (const child of children) {
      child.stdout!.on("data", (text: Buffer) => {
        if (text.includes("waiting")) writeFileSync(gate, "");
      });
    }
    const [first, second] = await Promise.all(children.map(linesOf));
    expect([first!.at(-1), second!.at(-1)]).toEqual(["complete 1", "complete 1"]);
    const decodes = [...first!, ...second!].filter((line) => /^\d+$/.test(line));
    expect(decodes).toHaveLength(60);
    expect([...first!, ...second!]).toContain("waiting");
  });

  test("damaged files are thrown away and made anew, and it says so", async () => {
    const damages: [RegExp, (path: string) => void][] = [
      [
        /pixels-000000\.bin has \d+ bytes instead of \d+/,
        (path) => writeFileSync(join(path, "pixels-000000.bin"), "x"),
      ],
      [/index\.bin is damaged/, (path) => appendFileSync(join(path, "index.bin"), "x")],
      [/bad\.jsonl is damaged/, (path) => appendFileSync(join(path, "bad.jsonl"), "x")],
      [/pixels-000000\.bin has 0 bytes/, (path) => rmSync(join(path, "pixels-000000.bin"))],
      [/complete\.json is damaged/, (path) => writeFileSync(join(path, "complete.json"), "[1, null]")],
      [
        /complete\.json is damaged/,
        (path) => {
          const complete = JSON.parse(readFileSync(join(path, "complete.json"), "utf8"));
          writeFileSync(join(path, "complete.json"), JSON.stringify({ ...complete, segments: undefined }));
        },
      ],
      [
        /complete\.json is damaged/,
        (path) => {
          const complete = JSON.parse(readFileSync(join(path, "complete.json"), "utf8"));
          writeFileSync(join(path, "complete.json"), JSON.stringify({ ...complete, segments: [] }));
        },
      ],
      [
        /complete\.json is of other settings/,
        (path) => {
          const complete = JSON.parse(readFileSync(join(path, "complete.json"), "utf8"));
          complete.settings.decoder = "another";
          writeFileSync(join(path, "complete.json"), JSON.stringify(complete));
        },
      ],
    ];
    for (const [problem, damage] of damages) {
      const { dataset, decoded } = noiseDataset({ length: 6 });
      (await pictureCache(dataset, { device, decodeSize: null, folder })).close();
      decoded.length = 0;
      damage(onlyCache());
      const cache = await pictureCache(dataset, { device, decodeSize: null, folder });
      expect(cache.rebuilt).toMatch(problem);
      expect(decoded).toHaveLength(6);
      await expectPictures(cache, 6, new Set());
      cache.close();
    }
  });

  test("a picture whose pixels have changed on the disk is decoded from its source", async () => {
    const { dataset, decoded } = noiseDataset({ length: 8 });
    (await pictureCache(dataset, { device, decodeSize: null, folder, workers: 1 })).close();
    const pixels = join(onlyCache(), "pixels-000000.bin");
    const bytes = readFileSync(pixels);
    bytes[noisePicture(0).data.length + 100]! ^= 1; // in picture 1
    writeFileSync(pixels, bytes);
    decoded.length = 0;
    const cache = await pictureCache(dataset, { device, decodeSize: null, folder });
    const view = { size: 8, mean: [0, 0, 0], std: [1, 1, 1] } as const;
    const loader = new ImageLoader({
      dataset,
      device,
      batchSize: 8,
      views: [view],
      seed: 0,
      decodeSize: null,
      cache,
    });
    const batch = await loader.batch(0);
    expect([...batch.indices].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(decoded).toEqual([1]);
    expect(cache.damagedPictures).toBe(1);
    loader.close();
    cache.close();
  });

  test("a disk that is full: a clear error, what is stored stays, and the next start goes on", async () => {
    // 400 KB a file is the limit; a picture is 43 KB.
    const lines = await linesOf(builder(40, 120, { limit: "ulimit -f 400; " }));
    expect(lines.at(-1)).toMatch(
      new RegExp(
        /^error pictureCache: .*pictures.* cannot hold the decoded pictures: /.source +
          /the file may not become larger \(EFBIG\)\. Free some room, choose another folder /.source +
          /\(SPLITMASK_CACHE, or the option folder\), a smaller decodeSize, or go without a cache\. /.source +
          /The \d+ of 40 pictures that are stored stay, and the next start goes on from there\.$/.source,
      ),
    );
    expect((await linesOf(builder(40, 120))).at(-1)).toBe("complete 1");
  });

  test("a disk that is too small is noticed long before it is full", async () => {
    // Three times what is free, if all are as large as the first ones.
    const { bavail, bsize } = statfsSync(root);
    const grey = ndarray(new Uint8Array(600 * 600 * 3), [600, 600, 3]);
    const { dataset } = noiseDataset({ length: Math.ceil((3 * bavail * bsize) / grey.data.length) });
    const large = { ...dataset, image: async () => grey };
    await expect(pictureCache(large, { device, decodeSize: null, folder })).rejects.toThrow(
      new RegExp(
        /the [\d,]+ pictures that are missing need about [\d.]+ GB, and the disk has .* GB left, /.source +
          /of which 0\.27 GB are not touched\. Free some room/.source,
      ),
    );
  });

  test("an error that is no picture's fault ends it, and the lock is given back", async () => {
    const { dataset } = noiseDataset({ length: 5 });
    const broken = { ...dataset, image: () => Promise.reject(new TypeError("a mistake in the data set")) };
    await expect(pictureCache(broken, { device, decodeSize: null, folder })).rejects.toThrow(
      "a mistake in the data set",
    );
    (await pictureCache(dataset, { device, decodeSize: null, folder })).close();
  });

  test("no fingerprint, no pictures, no folder", async () => {
    const { dataset } = noiseDataset({ length: 5 });
    const options = { device, decodeSize: null, folder };
    const { fingerprint: _, ...without } = dataset;
    await expect(pictureCache(without, options)).rejects.toThrow(
      "pictureCache: the data set has no fingerprint(), so a cache could not tell when its pictures have " +
        "changed. Give it one, or go without a cache on disk.",
    );
    await expect(pictureCache({ ...dataset, length: 0 }, options)).rejects.toThrow(
      "pictureCache: the data set is empty; expected at least one picture.",
    );
    const file = join(root, "file");
    writeFileSync(file, "");
    await expect(pictureCache(dataset, { ...options, folder: file })).rejects.toThrow(
      /pictureCache: the folder .*file\/pictures\/\w+ cannot be made \(ENOTDIR\)\. Choose another one/,
    );
  });
});

describe("where caches lie", () => {
  const given = { ...process.env };
  afterEach(() => {
    process.env = { ...given };
  });

  test("SPLITMASK_CACHE, XDG_CACHE_HOME, the home folder", async () => {
    delete process.env.SPLITMASK_CACHE;
    delete process.env.XDG_CACHE_HOME;
    expect(defaultCacheFolder()).toBe(join(homedir(), ".cache", "splitmask"));
    process.env.XDG_CACHE_HOME = "relative";
    expect(defaultCacheFolder()).toBe(join(homedir(), ".cache", "splitmask"));
    process.env.XDG_CACHE_HOME = "/somewhere";
    expect(defaultCacheFolder()).toBe("/somewhere/splitmask");
    process.env.SPLITMASK_CACHE = folder;
    expect(defaultCacheFolder()).toBe(folder);
    const { dataset } = noiseDataset({ length: 2 });
    (await pictureCache(dataset, { device, decodeSize: null })).close();
    expect(onlyCache()).toContain(folder);
    process.env.SPLITMASK_CACHE = "off";
    expect(defaultCacheFolder()).toBeNull();
    await expect(pictureCache(dataset, { device, decodeSize: null })).rejects.toThrow(
      "pictureCache: SPLITMASK_CACHE is off and no folder is given. Give one, or go without a cache.",
    );
  });

  test("listed and cleared, but for one that is being built", async () => {
    expect(await listCaches(folder)).toEqual([]);
    const before = Date.now();
    const { dataset } = noiseDataset({ length: 3, bad: new Set([1]) });
    const cache = await pictureCache(dataset, { device, decodeSize: 64, folder });
    const pixels = statSync(join(cache.path, "pixels-000000.bin")).size;
    const [entry] = await listCaches(folder);
    expect(entry).toMatchObject({
      path: cache.path,
      complete: true,
      source: "noise 0",
      pictures: 3,
      done: 3,
      decodeSize: 64,
    });
    expect(entry!.bytes).toBeGreaterThan(pixels);
    // File systems may keep times to two seconds.
    expect(entry!.lastUsed.getTime()).toBeGreaterThan(before - 2001);
    expect(entry!.lastUsed.getTime()).toBeLessThan(Date.now() + 2001);
    const child = builder(200, 40, { gate: join(root, "never") });
    await new Promise((resolve) => child.stdout!.once("data", resolve));
    expect((await clearCaches(folder)).map(({ path }) => path)).toEqual([cache.path]);
    expect(existsSync(cache.path)).toBe(false);
    await expectPictures(cache, 3, new Set([1])); // still mapped
    cache.close();
    expect(await listCaches(folder)).toHaveLength(1);
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("close", resolve));
    expect(await clearCaches(folder)).toHaveLength(1);
    expect(await listCaches(folder)).toEqual([]);
  });
});
