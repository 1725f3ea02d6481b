// How long a set of 1,000,000 tiny pictures takes to open, and how much memory it needs. Run by hand:
//   node packages/data/bench/million.mjs [--count 1000000] [--formats tar,parquet,folder] [--keep <folder>]
// It makes the set in a temporary folder (about 3 GB for the two default formats; with --keep it stays and is used
// again), then opens it in fresh processes: the first time, which indexes, and once more.
import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openDataset } from "@splitmask/data";
import { parquetWriteFile } from "hyparquet-writer";
import sharp from "sharp";
import { Header } from "tar";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "1000000" },
    formats: { type: "string", default: "tar,parquet" },
    keep: { type: "string" },
    open: { type: "string" },
  },
});
const count = Number(values.count);
const classCount = 1000;
/** Pictures a shard or a row group. */
const together = 10_000;
/** Pictures that are decoded to look at the memory. */
const decoded = 5000;

/** 256 small pictures of different bytes. */
async function tinyPictures() {
  return Promise.all(
    Array.from({ length: 256 }, (_, seed) => {
      const pixels = Uint8Array.from({ length: 8 * 8 * 3 }, (_, place) => (place * (seed + 1) * 7919) >> 3);
      return sharp(pixels, { raw: { width: 8, height: 8, channels: 3 } })
        .png()
        .toBuffer();
    }),
  );
}

const padded = (bytes) => Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);

function tarMember(path, bytes) {
  const header = new Header({ path, size: bytes.length, mode: 0o644, type: "File", mtime: new Date(0) });
  header.encode();
  return [header.block, padded(bytes)];
}

function writeTar(folder, pictures) {
  mkdirSync(folder, { recursive: true });
  for (let first = 0; first < count; first += together) {
    const file = openSync(join(folder, `train-${String(first / together).padStart(6, "0")}.tar`), "w");
    for (let index = first; index < Math.min(count, first + together); ) {
      const blocks = [];
      for (const end = Math.min(index + 1000, count); index < end; index++) {
        const key = String(index).padStart(9, "0");
        blocks.push(...tarMember(`${key}.png`, pictures[index % pictures.length]));
        blocks.push(...tarMember(`${key}.cls`, Buffer.from(String(index % classCount))));
      }
      writeSync(file, Buffer.concat(blocks));
    }
    writeSync(file, Buffer.alloc(1024));
    closeSync(file);
  }
}

function writeParquet(folder, pictures) {
  mkdirSync(folder, { recursive: true });
  const files = Math.ceil(count / (10 * together));
  const names = Array.from({ length: classCount }, (_, label) => `class ${label}`);
  const features = { image: { _type: "Image" }, label: { names, _type: "ClassLabel" } };
  for (let file = 0; file < files; file++) {
    const rows = Array.from(
      { length: Math.min(10 * together, count - file * 10 * together) },
      (_, row) => file * 10 * together + row,
    );
    const number = (value) => String(value).padStart(5, "0");
    parquetWriteFile({
      filename: join(folder, `train-${number(file)}-of-${number(files)}.parquet`),
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
          data: rows.map((row) => ({ bytes: pictures[row % pictures.length], path: `${row}.png` })),
          encoding: "PLAIN",
        },
        { name: "label", data: rows.map((row) => BigInt(row % classCount)) },
      ],
      rowGroupSize: together,
      kvMetadata: [{ key: "huggingface", value: JSON.stringify({ info: { features } }) }],
    });
  }
}

function writeFolder(folder, pictures) {
  for (let index = 0; index < count; index++) {
    const inside = join(folder, `class ${index % classCount}`);
    if (index < classCount) mkdirSync(inside, { recursive: true });
    writeFileSync(join(inside, `${index}.png`), pictures[index % pictures.length]);
  }
}

const writers = { tar: writeTar, parquet: writeParquet, folder: writeFolder };

/** Opens a set and decodes some of it; prints one line of JSON. */
async function open(path) {
  const started = performance.now();
  const dataset = await openDataset(path);
  const openSeconds = (performance.now() - started) / 1000;
  const residentAfterOpening = process.memoryUsage().rss / 2 ** 20;
  // At random where each picture is cheap; else at random inside one group after another, as a loader would.
  const reading = performance.now();
  const groups = dataset.groups;
  let sum = 0;
  for (let read = 0; read < decoded; read += 4) {
    const indices = Array.from({ length: 4 }, (_, lane) => {
      const chosen = (read + lane) * 7919;
      if (groups === undefined) return chosen % dataset.length;
      const group = Math.floor((read * groups.length) / decoded);
      const end = groups[group + 1] ?? dataset.length;
      return groups[group] + (chosen % (end - groups[group]));
    });
    for (const picture of await Promise.all(indices.map((index) => dataset.image(index))))
      sum += picture.data[0];
  }
  const readSeconds = (performance.now() - reading) / 1000;
  const hashing = performance.now();
  await dataset.fingerprint();
  const fingerprintSeconds = (performance.now() - hashing) / 1000;
  await dataset.close?.();
  console.log(
    JSON.stringify({
      pictures: dataset.length,
      classes: dataset.classes.length,
      lastLabel: dataset.label(dataset.length - 1),
      openSeconds,
      picturesPerSecond: decoded / readSeconds,
      fingerprintSeconds,
      residentAfterOpening,
      mostResident: process.resourceUsage().maxRSS / 1024,
      sum,
    }),
  );
}

function openInProcess(path) {
  const program = fileURLToPath(import.meta.url);
  const child = spawnSync(process.execPath, [program, "--open", path], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (child.status !== 0) throw new Error(`opening ${path} failed`);
  return JSON.parse(child.stdout);
}

async function measure() {
  const root = values.keep ?? mkdtempSync(join(tmpdir(), "splitmask-million-"));
  try {
    const pictures = await tinyPictures();
    for (const format of values.formats.split(",")) {
      const folder = join(root, format);
      if (!existsSync(folder)) {
        const started = performance.now();
        writers[format](folder, pictures);
        console.log(
          `${format}: ${count} pictures written in ${((performance.now() - started) / 1000).toFixed(0)} s`,
        );
      }
      for (const when of ["first time", "again"]) {
        const { pictures: found, classes, openSeconds, ...rest } = openInProcess(folder);
        console.log(
          `${format}, ${when}: ${found} pictures of ${classes} classes open after ` +
            `${openSeconds.toFixed(2)} s (${rest.residentAfterOpening.toFixed(0)} MB resident); ` +
            `then ${decoded} decoded, ${rest.picturesPerSecond.toFixed(0)} a second, ` +
            `at most ${rest.mostResident.toFixed(0)} MB; fingerprint ${rest.fingerprintSeconds.toFixed(2)} s`,
        );
      }
    }
  } finally {
    if (values.keep === undefined) rmSync(root, { recursive: true, force: true });
  }
}

await (values.open === undefined ? measure() : open(values.open));
