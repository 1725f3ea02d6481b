import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import {
  cifarDataset,
  cocoDataset,
  idxDataset,
  imageList,
  parquetDataset,
  pictureCache,
  readIndices,
  webDataset,
} from "@splitmask/data";
import { createDevice } from "@splitmask/kernels";
import { parquetWriteBuffer } from "hyparquet-writer";
import sharp from "sharp";
import { create } from "tar";
import { mutated } from "./mutate.mjs";

/** A folder that is gone when the process ends. */
function scratch() {
  const folder = mkdtempSync(join(tmpdir(), "splitmask-fuzz-valid-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const picture = (number) =>
  sharp({
    create: { width: 5 + number, height: 4, channels: 3, background: `hsl(${40 * number}, 80%, 50%)` },
  });
const encodedPictures = (count) =>
  Promise.all(Array.from({ length: count }, (_, number) => picture(number).png().toBuffer()));

/** Opens a data set, looks at everything of its first pictures, and fails as the first of them that fails. */
async function readDataset(opening) {
  const dataset = await opening;
  let failure = null;
  try {
    for (let index = 0; index < Math.min(8, dataset.length); index++) {
      const label = dataset.label(index);
      if (label < -1 || label >= Math.max(1, dataset.classes.length)) throw new Error(`label ${label}`);
      dataset.path(index);
      try {
        const { shape, data } = await dataset.image(index, { shortSide: 4 });
        if (data.length !== shape[0] * shape[1] * shape[2])
          throw new TypeError(`${data.length} bytes for ${shape}`);
      } catch (error) {
        failure ??= error;
        if (error.name !== "PictureError") throw error;
      }
    }
    await dataset.fingerprint?.();
  } finally {
    await dataset.close?.();
  }
  if (failure !== null) throw failure;
}

/** An IDX file of bytes. */
function idx(...shape) {
  const head = Buffer.from([0, 0, 8, shape.length]);
  const sizes = Buffer.alloc(4 * shape.length);
  for (const [axis, length] of shape.entries()) sizes.writeUInt32BE(length, 4 * axis);
  const count = shape.reduce((product, length) => product * length, 1);
  return Buffer.concat([
    head,
    sizes,
    Buffer.from(Array.from({ length: count }, (_, place) => (place * 3) % 10)),
  ]);
}

/** Gzipped; every other one is damaged once more as a gzip file. */
function gzipped(bytes, index) {
  const zipped = gzipSync(bytes);
  return index % 2 === 0 ? zipped : mutated([zipped], { seed: 1, format: "gzip", index });
}

function parquet(pictures, options = {}) {
  const features = { image: { _type: "Image" }, label: { names: ["a", "b", "c"], _type: "ClassLabel" } };
  return Buffer.from(
    parquetWriteBuffer({
      schema: [
        { name: "root", num_children: 2 },
        { name: "image", num_children: 2, repetition_type: "OPTIONAL" },
        { name: "bytes", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" },
        { name: "path", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
        { name: "label", type: "INT64", repetition_type: "OPTIONAL" },
      ],
      columnData: [
        {
          name: "image",
          data: pictures.map((bytes, row) => ({ bytes: new Uint8Array(bytes), path: `${row}.png` })),
        },
        { name: "label", data: pictures.map((_, row) => BigInt(row % 3)) },
      ],
      rowGroupSize: 3,
      pageSize: 300,
      kvMetadata: [{ key: "huggingface", value: JSON.stringify({ info: { features } }) }],
      ...options,
    }),
  );
}

/**
 * Writes the right checksums into every other tar file as far as its blocks look like headers, so that what is behind
 * them is reached.
 */
function withHeaderSums(bytes, index) {
  if (index % 2 === 1) return bytes;
  const copy = Buffer.from(bytes);
  for (let place = 0; place + 512 <= copy.length; place += 512) {
    const header = copy.subarray(place, place + 512);
    if (header.toString("latin1", 257, 262) !== "ustar") continue;
    header.fill(" ", 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  }
  return copy;
}

async function shard(options) {
  const folder = scratch();
  const pictures = await encodedPictures(4);
  for (const [number, bytes] of pictures.entries()) {
    writeFileSync(join(folder, `000${number}.png`), bytes);
    writeFileSync(join(folder, `000${number}.cls`), `${number % 2}`);
    writeFileSync(join(folder, `000${number}.json`), JSON.stringify({ label: number % 2, text: "words" }));
  }
  const file = join(folder, "shard.tar");
  await create({ file, cwd: folder, ...options }, readdirSync(folder).sort());
  return readFileSync(file);
}

const coco = {
  images: [
    { id: 7, file_name: "one.png", width: 5, height: 4 },
    { id: 3, file_name: "two.png", width: 6, height: 4 },
  ],
  categories: [
    { id: 1, name: "person", supercategory: "human" },
    { id: 90, name: "toothbrush" },
  ],
  annotations: [
    {
      id: 11,
      image_id: 3,
      category_id: 90,
      bbox: [0, 1, 2, 3],
      area: 5,
      iscrowd: 0,
      segmentation: [[0, 1, 2, 1, 2, 4]],
    },
    {
      id: 12,
      image_id: 7,
      category_id: 1,
      bbox: [1, 1, 2, 2],
      iscrowd: 1,
      segmentation: { size: [4, 5], counts: [7, 2, 11] },
    },
    {
      id: 13,
      image_id: 7,
      category_id: 1,
      bbox: [0, 0, 5, 4],
      segmentation: { size: [4, 5], counts: "0`1" },
    },
  ],
};

/** A cache of eight pictures on the disk, made once, and a device to open it with. */
let cacheMade = null;
async function makeCache() {
  const folder = scratch();
  const pictures = await encodedPictures(8);
  for (const [number, bytes] of pictures.entries())
    writeFileSync(join(folder, `${number}.png`), number === 5 ? "no picture" : bytes);
  writeFileSync(join(folder, "list.txt"), pictures.map((_, number) => `${number}.png\n`).join(""));
  const dataset = await imageList(join(folder, "list.txt"));
  const device = createDevice({ threads: 1 });
  const cache = await pictureCache(dataset, { device, decodeSize: 4, folder: join(folder, "cache") });
  const place = cache.path;
  cache.close();
  return { dataset, device, root: join(folder, "cache"), place };
}

/**
 * One file of the cache is replaced: the cache must be made anew, or tell which picture is damaged; the pixels must be
 * the right ones.
 */
function cacheFormat(file) {
  const pixels = new Map();
  return {
    extension: basename(file).split(".").pop(),
    files: async () => {
      cacheMade ??= makeCache();
      return [readFileSync(join((await cacheMade).place, file))];
    },
    async read(path, bytes) {
      const { dataset, device, root, place } = await cacheMade;
      const copy = join(dirname(path.name), "cache");
      rmSync(copy, { recursive: true, force: true });
      cpSync(root, copy, { recursive: true });
      writeFileSync(join(copy, place.slice(root.length), file), bytes);
      const cache = await pictureCache(dataset, { device, decodeSize: 4, folder: copy });
      try {
        for (let index = 0; index < dataset.length; index++) {
          const held = await cache.get(index).catch((error) => {
            if (index !== 5) throw error;
            return null;
          });
          if (held === null) continue;
          const data = Buffer.from(await device.download(held, held.height * held.width * 3)).toString(
            "latin1",
          );
          held.release();
          if ((pixels.get(index) ?? data) !== data) throw new TypeError(`other pixels of picture ${index}`);
          pixels.set(index, data);
        }
      } finally {
        cache.close();
      }
    },
  };
}

const cifarRecords = (labelBytes) =>
  Buffer.from(Array.from({ length: 3 * (labelBytes + 3072) }, (_, place) => place % 10));
const valid = { pictures: null };
async function pictureFolder(path) {
  valid.pictures ??= await encodedPictures(2);
  for (const [number, name] of ["one.png", "two.png"].entries())
    writeFileSync(join(dirname(path), name), valid.pictures[number]);
}

/** One way of reading by container; see `formats.mjs`. */
export const containerFormats = {
  cifar10: {
    extension: "bin",
    files: async () => [cifarRecords(1)],
    read: (path) => readDataset(cifarDataset(path())),
  },
  cifar100: {
    extension: "bin",
    files: async () => [cifarRecords(2)],
    read: (path) => readDataset(cifarDataset(path())),
  },
  idx: {
    extension: "idx3-ubyte",
    files: async () => [idx(5, 6, 7), idx(3, 4, 5, 3)],
    read: (path, _, index) =>
      readDataset(idxDataset(path(), { labels: null, channels: index % 2 === 0 ? 1 : 3 })),
  },
  "idx-gz": {
    extension: "idx3-ubyte.gz",
    files: async () => [idx(5, 6, 7), idx(3, 4, 5, 3)],
    mend: gzipped,
    read: (path) => readDataset(idxDataset(path(), { labels: null })),
  },
  "idx-labels": {
    extension: "idx1-ubyte",
    files: async () => [idx(5)],
    read: (path) => {
      const pictures = join(dirname(path.name), "pictures.idx3-ubyte");
      writeFileSync(pictures, idx(5, 6, 7));
      return readDataset(idxDataset(pictures, { labels: path() }));
    },
  },
  tar: {
    extension: "tar",
    mend: withHeaderSums,
    files: async () => [
      await shard({}),
      await shard({ portable: true, prefix: "a".repeat(120) }),
      await shard({ noPax: true }),
    ],
    read: (path) => {
      const cacheFolder = join(dirname(path.name), "index");
      rmSync(cacheFolder, { recursive: true, force: true });
      mkdirSync(cacheFolder);
      return readDataset(webDataset(path(), { cacheFolder }));
    },
  },
  "tar-gz": {
    extension: "tar.gz",
    files: async () => [await shard({})],
    mend: gzipped,
    read: (path) => {
      const cacheFolder = join(dirname(path.name), "index");
      rmSync(cacheFolder, { recursive: true, force: true });
      return readDataset(webDataset(path(), { cacheFolder }));
    },
  },
  parquet: {
    extension: "parquet",
    files: async () => {
      const pictures = await encodedPictures(7);
      return [parquet(pictures), parquet(pictures, { codec: "UNCOMPRESSED" }), parquet(pictures.slice(0, 2))];
    },
    read: (path) => readDataset(parquetDataset(path())),
  },
  coco: {
    extension: "json",
    files: async () => [Buffer.from(JSON.stringify(coco)), Buffer.from(JSON.stringify(coco, null, 1))],
    async read(path) {
      await pictureFolder(path.name);
      const opening = cocoDataset(path(), { images: dirname(path.name) });
      await readDataset(opening);
    },
  },
  list: {
    extension: "txt",
    files: async () => [Buffer.from("one.png\ntwo.png\n"), Buffer.from("one.png\0two.png\0")],
    async read(path) {
      await pictureFolder(path.name);
      await readDataset(imageList(path()));
    },
  },
  indices: {
    extension: "txt",
    files: async () => [Buffer.from("# some\n3\n17 # more\n\n4\r\n")],
    read: (path) => readIndices(path()),
  },
  "cache-index": cacheFormat("index.bin"),
  "cache-pixels": cacheFormat("pixels-000000.bin"),
  "cache-bad": cacheFormat("bad.jsonl"),
  "cache-complete": cacheFormat("complete.json"),
};
