import { createHash, type Hash } from "node:crypto";
import { open } from "node:fs/promises";
import { dirname, relative, sep } from "node:path";
import { setImmediate } from "node:timers/promises";
import { bytesOfName, fileOf } from "../fileNames.js";
import type { DatasetIdentity, ImageDataset } from "../imageDataset.js";
import { commonFolder } from "./commonFolder.js";
import { evenlySpaced } from "./evenlySpaced.js";
import { filesAPause, statOrNull } from "./fileFacts.js";

/** Most lines of `DatasetIdentity.files`. */
const mostStretches = 1024;
/** Files whose content is looked at; of fewer files more is read of each. */
const sampledFiles = 64;
/** A file of at most so many bytes is hashed whole; of a longer one some blocks, evenly spaced. */
const wholeBytes = 1 << 20;
const blockBytes = 1 << 16;
const fewestBlocks = 16;
/** Names that an error lists. */
const namesTold = 3;

/** Files that a data set is read from, in its order. */
export interface IdentifiedFiles {
  /** How they are read, as far as that makes other pictures of the same files. */
  readonly format: readonly unknown[];
  /** How many there are. */
  readonly count: number;
  /** Path of a file, absolute. */
  path(index: number): string;
  /** Where names start; the folder that holds all files when not given. */
  readonly root?: string;
}

/**
 * What a data set is, wherever its files lie and whenever they were written.
 *
 * @param files What it is read from.
 * @param dataset Its pictures, classes and labels.
 */
export async function identifyFiles(
  { count, format, path, root = commonFolder(foldersOf(count, path)) }: IdentifiedFiles,
  dataset: Pick<ImageDataset, "classes" | "label" | "length">,
): Promise<DatasetIdentity> {
  const nameOf = (index: number) => relative(root, path(index)).split(sep).join("/");
  const starts = evenlySpaced(count, mostStretches);
  const files: string[] = [];
  const sizes = new Float64Array(count);
  for (const [stretch, first] of starts.entries()) {
    const end = starts[stretch + 1] ?? count;
    const hash = createHash("sha256");
    for (let index = first; index < end; index++) {
      sizes[index] = statOrNull(path(index))?.size ?? -1;
      hash.update(bytesOfName(nameOf(index))).update(`\0${sizes[index]}\0`);
      if (index % filesAPause === 0) await setImmediate();
    }
    files.push(`${short(hash)} ${end - first} ${nameOf(first)}`);
  }
  const content: string[] = [];
  const blocks = Math.max(fewestBlocks, Math.ceil(sampledFiles / Math.max(1, count)));
  for (const index of evenlySpaced(count, sampledFiles)) {
    content.push(`${await contentHash(path(index), sizes[index]!, blocks)} ${nameOf(index)}`);
  }
  const labels = Int32Array.from({ length: dataset.length }, (_, index) => dataset.label(index));
  return {
    pictures: dataset.length,
    digest: short(createHash("sha256").update(JSON.stringify([format, dataset.length, files, content]))),
    labels: short(createHash("sha256").update(JSON.stringify(dataset.classes)).update(labels)),
    files,
    content,
  };
}

/**
 * What some pictures of a data set, or several data sets, are.
 *
 * @param parts The data sets.
 * @param choice What tells apart how they were put together, e.g. the indices that were chosen.
 * @param dataset What came of it.
 */
export function combineIdentities(
  parts: readonly DatasetIdentity[],
  choice: string | Int32Array,
  dataset: Pick<ImageDataset, "length">,
): DatasetIdentity {
  const all = (list: (part: DatasetIdentity) => string | readonly string[]) => parts.flatMap(list);
  const combined = (values: string[]) => short(createHash("sha256").update(values.join(" ")).update(choice));
  return {
    pictures: dataset.length,
    digest: combined(all(({ digest }) => digest)),
    labels: combined(all(({ labels }) => labels)),
    files: all(({ files }) => files),
    content: all(({ content }) => content),
  };
}

/**
 * In what the pictures of two data sets differ, in words; null where they are the same, wherever they lie.
 *
 * @param before What they were.
 * @param now What they are.
 * @param withLabels Whether classes and labels are compared too.
 */
export function identityDifference(
  before: DatasetIdentity,
  now: DatasetIdentity,
  withLabels = false,
): string | null {
  if (before.digest === now.digest) {
    if (!withLabels || before.labels === now.labels) return null;
    return "the pictures are the same, but their classes or labels are others";
  }
  const [was, is] = [before.files.map(stretchOf), now.files.map(stretchOf)];
  const differences: string[] = [];
  if (before.pictures !== now.pictures) {
    differences.push(`there were ${before.pictures} pictures and now are ${now.pictures}`);
  }
  const changed = new Set(without(contentOf(before), contentOf(now), "changed"));
  if ([...was, ...is].every(({ files }) => files === 1)) {
    const [old, present] = [was, is].map((list) => new Map(list.map(({ hash, name }) => [name, hash])));
    for (const name of without(old!, present!, "changed")) changed.add(name);
    differences.push(...told("missing", without(old!, present!, "missing")));
    differences.push(...told("new", without(present!, old!, "missing")));
  } else if (was.length === is.length) {
    const place = was.findIndex(
      ({ files, hash }, index) => is[index]!.hash !== hash || is[index]!.files !== files,
    );
    if (place >= 0 && differences.length === 0 && changed.size === 0) {
      differences.push(
        `names or sizes differ, first among the ${was[place]!.files} files from ${JSON.stringify(is[place]!.name)} on`,
      );
    }
  }
  differences.push(...told("changed", [...changed]));
  return differences.length > 0
    ? differences.join("; ")
    : "the files are the same, but the pictures come in another order, are others of them, or are read otherwise";
}

function told(what: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const more = names.length > namesTold ? ` and ${names.length - namesTold} more` : "";
  return [
    `${what}: ${names
      .slice(0, namesTold)
      .map((name) => JSON.stringify(name))
      .join(", ")}${more}`,
  ];
}

/** The names of one list that the other lacks, or has with another hash. */
function without(
  list: ReadonlyMap<string, string>,
  other: ReadonlyMap<string, string>,
  what: "missing" | "changed",
): string[] {
  return [...list].flatMap(([name, hash]) => {
    const found = other.get(name);
    const differs = what === "missing" ? found === undefined : found !== undefined && found !== hash;
    return differs ? [name] : [];
  });
}

function stretchOf(line: string): { hash: string; files: number; name: string } {
  const [hash = "", files = ""] = line.split(" ", 2);
  return { hash, files: Number(files), name: line.slice(hash.length + files.length + 2) };
}

function contentOf({ content }: DatasetIdentity): Map<string, string> {
  return new Map(
    content.map((line) => [line.slice(line.indexOf(" ") + 1), line.slice(0, line.indexOf(" "))]),
  );
}

function short(hash: Hash): string {
  return hash.digest("hex").slice(0, 16);
}

function* foldersOf(count: number, path: (index: number) => string): Generator<string> {
  for (let index = 0; index < count; index++) yield dirname(path(index));
}

/** A hash of a file's bytes, or of some of them; "missing" where it cannot be read. */
async function contentHash(path: string, size: number, blocks: number): Promise<string> {
  if (size < 0) return "missing";
  const file = await open(fileOf(path), "r").catch(() => null);
  if (file === null) return "missing";
  try {
    const hash = createHash("sha256");
    const isWhole = size <= wholeBytes;
    const buffer = Buffer.alloc(isWhole ? size : blockBytes);
    for (let block = 0; block < (isWhole ? 1 : blocks); block++) {
      const position = isWhole ? 0 : Math.floor((block * (size - blockBytes)) / (blocks - 1));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
      hash.update(buffer.subarray(0, bytesRead));
    }
    return short(hash);
  } catch {
    return "missing";
  } finally {
    await file.close();
  }
}
