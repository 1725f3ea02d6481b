import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileOf } from "../fileNames.js";

/**
 * What an index of a shard holds: a picture a row, in arrays rather than objects, so that a million of them are some 60
 * MB.
 */
export interface ShardIndex {
  /** Where each picture begins in the shard, in blocks of 512 bytes. */
  readonly blocks: Uint32Array;
  /** Bytes of each picture. */
  readonly sizes: Uint32Array;
  /** ≥ 0: the class by number; −1: none; −2 − n: the class is called `labelNames[n]`. */
  readonly labels: Int32Array;
  /** Which files belong together: the number of the sample that each picture is in, rising. */
  readonly samples: Uint32Array;
  /**
   * What each picture is in its sample: `2n` the file that ends in `endings[n]`; `2n + 1` a sample of its own, whose
   * last ending that is.
   */
  readonly fields: Uint32Array;
  /** Where the name of each picture ends in `names`. */
  readonly nameEnds: Uint32Array;
  /** The names of the pictures in the shard, as bytes, one behind the other. */
  readonly names: Uint8Array;
  /** Texts that stand for numbers, and what was left out. */
  readonly facts: ShardFacts;
}

/** What of an index is no array of numbers. */
export interface ShardFacts {
  /** Class names. */
  readonly labelNames: readonly string[];
  /** Endings of pictures' names after the first dot, lower case: `"jpg"`, `"seg.png"`. */
  readonly endings: readonly string[];
  /** Files that are neither pictures nor labels: how many there are of each last ending, with the name of one. */
  readonly others: readonly (readonly [name: string, count: number])[];
  /** Hidden and system files that end as pictures do, with the name of one. */
  readonly hidden: readonly [count: number, name: string];
}

/** What an index is good for. */
export interface ShardStamp {
  /** Size of the shard in bytes. */
  readonly size: number;
  /** When it was changed. */
  readonly mtimeMs: number;
  /** The settings that the index was made with. */
  readonly settings: string;
}

/** Name and version of the layout. */
const magic = "splitmask shard index 2\n";
const hashBytes = 32;
/** Magic, hash of the rest, and six numbers. */
const headerBytes = magic.length + hashBytes + 6 * 8;

interface Layout {
  readonly count: number;
  readonly nameBytes: number;
  readonly factBytes: number;
  readonly settingsBytes: number;
}

/** Six numbers of four bytes a picture. */
const columnBytes = 24;

const bodyBytes = ({ count, nameBytes, factBytes, settingsBytes }: Layout) =>
  columnBytes * count + nameBytes + factBytes + settingsBytes;

/** Writes an index beside its final name and renames it, so that nobody ever reads half of one. */
export async function writeShardIndex(path: string, index: ShardIndex, stamp: ShardStamp): Promise<void> {
  const facts = Buffer.from(JSON.stringify(index.facts));
  const settings = Buffer.from(stamp.settings);
  const numbers = [
    index.sizes.length,
    index.names.length,
    facts.length,
    settings.length,
    stamp.size,
    stamp.mtimeMs,
  ];
  const { blocks, sizes, labels, samples, fields, nameEnds, names } = index;
  const arrays = [Float64Array.from(numbers), blocks, sizes, labels, samples, fields, nameEnds, names];
  const parts = arrays.map((array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength));
  parts.push(facts, settings);
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  await mkdir(fileOf(dirname(path)), { recursive: true });
  const beside = `${path}.${process.pid}.part`;
  try {
    await writeFile(fileOf(beside), Buffer.concat([Buffer.from(magic), hash.digest(), ...parts]));
    await rename(fileOf(beside), fileOf(path));
  } catch (error) {
    await rm(fileOf(beside), { force: true }).catch(() => undefined);
    throw error;
  }
}

/**
 * Reads an index; null if there is none, or it is of another shard, other settings, another version, or damaged: then
 * it has to be made anew.
 */
export async function readShardIndex(path: string, stamp: ShardStamp): Promise<ShardIndex | null> {
  const file = await readFile(fileOf(path)).catch(() => null);
  if (file === null || file.length < headerBytes || file.toString("latin1", 0, magic.length) !== magic) {
    return null;
  }
  const hashed = file.subarray(magic.length + hashBytes);
  const expected = createHash("sha256").update(hashed).digest();
  if (!expected.equals(file.subarray(magic.length, magic.length + hashBytes))) return null;
  const numbers = new Float64Array(6);
  new Uint8Array(numbers.buffer).set(file.subarray(magic.length + hashBytes, headerBytes));
  const [count, nameBytes, factBytes, settingsBytes, size, mtimeMs] = numbers as unknown as number[];
  const layout = { count, nameBytes, factBytes, settingsBytes } as Layout;
  if (size !== stamp.size || mtimeMs !== stamp.mtimeMs) return null;
  if (file.length !== headerBytes + bodyBytes(layout)) return null;
  // A copy of its own, so that the arrays are aligned and the file's buffer can go.
  const body = new Uint8Array(bodyBytes(layout));
  body.set(file.subarray(headerBytes));
  const text = (from: number, bytes: number) => Buffer.from(body.buffer, from, bytes).toString("utf8");
  const namesAt = columnBytes * layout.count;
  const factsAt = namesAt + layout.nameBytes;
  if (text(factsAt + layout.factBytes, layout.settingsBytes) !== stamp.settings) return null;
  const at = (column: number) => 4 * layout.count * column;
  return {
    blocks: new Uint32Array(body.buffer, at(0), layout.count),
    sizes: new Uint32Array(body.buffer, at(1), layout.count),
    labels: new Int32Array(body.buffer, at(2), layout.count),
    samples: new Uint32Array(body.buffer, at(3), layout.count),
    fields: new Uint32Array(body.buffer, at(4), layout.count),
    nameEnds: new Uint32Array(body.buffer, at(5), layout.count),
    names: body.subarray(namesAt, factsAt),
    facts: JSON.parse(text(factsAt, layout.factBytes)) as ShardFacts,
  };
}
