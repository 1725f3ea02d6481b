import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/** What an index of a shard holds: a picture a row, in arrays rather than objects, so that a million of them are some 50 MB. */
export interface ShardIndex {
  /** Where each picture begins in the shard, in blocks of 512 bytes. */
  readonly blocks: Uint32Array;
  /** Bytes of each picture. */
  readonly sizes: Uint32Array;
  /** ≥ 0: the class by number; −1: none; −2 − n: the class is called `labelNames[n]`. */
  readonly labels: Int32Array;
  /** Where the name of each picture ends in `names`. */
  readonly nameEnds: Uint32Array;
  /** The names of the pictures in the shard, UTF-8, one behind the other. */
  readonly names: Uint8Array;
  /** Class names that stand for numbers. */
  readonly labelNames: readonly string[];
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
const magic = "splitmask shard index 1\n";
const hashBytes = 32;
/** Magic, hash of the rest, and six numbers. */
const headerBytes = magic.length + hashBytes + 6 * 8;

interface Layout {
  readonly count: number;
  readonly nameBytes: number;
  readonly labelNameBytes: number;
  readonly settingsBytes: number;
}

const bodyBytes = ({ count, nameBytes, labelNameBytes, settingsBytes }: Layout) =>
  16 * count + nameBytes + labelNameBytes + settingsBytes;

/** Writes an index beside its final name and renames it, so that nobody ever reads half of one. */
export async function writeShardIndex(path: string, index: ShardIndex, stamp: ShardStamp): Promise<void> {
  const labelNames = Buffer.from(JSON.stringify(index.labelNames));
  const settings = Buffer.from(stamp.settings);
  const numbers = [
    index.sizes.length,
    index.names.length,
    labelNames.length,
    settings.length,
    stamp.size,
    stamp.mtimeMs,
  ];
  const parts = [Float64Array.from(numbers), index.blocks, index.sizes, index.labels, index.nameEnds].map(
    (array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength),
  );
  parts.push(
    Buffer.from(index.names.buffer, index.names.byteOffset, index.names.length),
    labelNames,
    settings,
  );
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  await mkdir(dirname(path), { recursive: true });
  const beside = `${path}.${process.pid}.part`;
  try {
    await writeFile(beside, Buffer.concat([Buffer.from(magic), hash.digest(), ...parts]));
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Reads an index; null if there is none, or it is of another shard, other settings, another version, or damaged: then it has to be made anew. */
export async function readShardIndex(path: string, stamp: ShardStamp): Promise<ShardIndex | null> {
  const file = await readFile(path).catch(() => null);
  if (file === null || file.length < headerBytes || file.toString("latin1", 0, magic.length) !== magic) {
    return null;
  }
  const hashed = file.subarray(magic.length + hashBytes);
  const expected = createHash("sha256").update(hashed).digest();
  if (!expected.equals(file.subarray(magic.length, magic.length + hashBytes))) return null;
  const numbers = new Float64Array(6);
  new Uint8Array(numbers.buffer).set(file.subarray(magic.length + hashBytes, headerBytes));
  const [count, nameBytes, labelNameBytes, settingsBytes, size, mtimeMs] = numbers as unknown as number[];
  const layout = { count, nameBytes, labelNameBytes, settingsBytes } as Layout;
  if (size !== stamp.size || mtimeMs !== stamp.mtimeMs) return null;
  if (file.length !== headerBytes + bodyBytes(layout)) return null;
  // A copy of its own, so that the arrays are aligned and the file's buffer can go.
  const body = new Uint8Array(bodyBytes(layout));
  body.set(file.subarray(headerBytes));
  const text = (from: number, bytes: number) => Buffer.from(body.buffer, from, bytes).toString("utf8");
  const namesAt = 16 * layout.count;
  const labelNamesAt = namesAt + layout.nameBytes;
  if (text(labelNamesAt + layout.labelNameBytes, layout.settingsBytes) !== stamp.settings) return null;
  return {
    blocks: new Uint32Array(body.buffer, 0, layout.count),
    sizes: new Uint32Array(body.buffer, 4 * layout.count, layout.count),
    labels: new Int32Array(body.buffer, 8 * layout.count, layout.count),
    nameEnds: new Uint32Array(body.buffer, 12 * layout.count, layout.count),
    names: body.subarray(namesAt, labelNamesAt),
    labelNames: JSON.parse(text(labelNamesAt, layout.labelNameBytes)) as string[],
  };
}
