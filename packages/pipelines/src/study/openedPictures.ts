import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { relative } from "node:path";
import { type DatasetUse, type ImageDataset, randomSplit, randomSubset } from "@splitmask/data";
import { UsageError } from "@splitmask/methods/settings";
import { withLabels } from "../pictures/labelledPictures.js";
import { rootOf } from "../pictures/pictures.js";
import { type ScannedPictures, scanPictures } from "../pictures/scanPictures.js";
import type { PictureFacts } from "../settings/facts.js";
import type { SourceConfig } from "../settings/sourceFields.js";
import type { Terminal } from "../terminal/terminal.js";
import { timeDecoding } from "../training/plan.js";
import type { StudyPictures } from "./plan.js";
import type { StudyFolder } from "./studyFolder.js";

/** What pictures of a study are for. */
export type PictureRole = Extract<DatasetUse, "pretraining" | "training" | "test">;

/** Pictures of a study as a step opens them. */
export interface OpenedPictures {
  /** What `openDataset` takes: the source itself, or a table of the pictures that were drawn from it. */
  readonly path: string;
  /** The split of the source; undefined: its default. */
  readonly split: string | undefined;
  /** Hash of names, labels and contents, in their order. */
  readonly digest: string;
  readonly facts: PictureFacts;
  /** The class names, by label; empty without labels. */
  readonly classes: readonly string[];
}

/** Pictures that are read at a time for the digest. */
const readAtOnce = 16;

/**
 * Opens pictures of a plan: draws subsets and held-out parts, writes a table of these to the folder of studies, and
 * hashes the pictures.
 *
 * @param name What the plan calls them.
 * @param folder Where tables and digests are kept, and whether anything is written there.
 * @throws Error where there are no pictures; UsageError where the plan draws from a source whose pictures are not
 *   files.
 */
export async function openStudyPictures(
  name: string,
  source: StudyPictures,
  role: PictureRole,
  options: SourceConfig & { readonly maximumSkipped?: number | undefined },
  folder: { readonly studies: StudyFolder; readonly isWritten: boolean },
  terminal: Terminal,
): Promise<OpenedPictures> {
  const reading = { ...options, ...(source.split === undefined ? {} : { split: source.split }) };
  // Both sides of what is held out are drawn from the same pictures, whatever they are for.
  const use = source.heldOut === undefined ? role : "any";
  const scanned = await scanPictures(source.path, terminal, { ...reading, use });
  try {
    const labelled =
      role === "pretraining"
        ? scanned.dataset
        : withLabels(`pictures ${name}`, source.path, scanned.dataset, terminal);
    const chosen = drawn(name, source, labelled);
    const digest = await digestOf(chosen, folder, (done) =>
      terminal.progress(`${name}: ${done} of ${chosen.length} pictures read`),
    );
    terminal.endProgress();
    const path = chosen === scanned.dataset ? source.path : await tableOf(name, chosen, digest, folder);
    const decodeSeconds = await timeDecoding(chosen);
    return {
      path,
      split: path === source.path ? source.split : undefined,
      digest,
      facts: { ...factsOf(scanned, chosen), ...(decodeSeconds === null ? {} : { decodeSeconds }) },
      classes: chosen.classes,
    };
  } finally {
    await scanned.dataset.close?.();
  }
}

const factsOf = ({ facts }: ScannedPictures, { length: count }: ImageDataset) => ({ ...facts, count });

/** The pictures that a plan takes from a source; the dataset itself where it takes all. */
function drawn(name: string, source: StudyPictures, dataset: ImageDataset): ImageDataset {
  const { heldOut, part, seed = 0, subset } = source;
  try {
    let chosen = dataset;
    if (heldOut !== undefined) {
      const [train, test] = randomSplit(dataset, { fraction: heldOut, seed });
      chosen = part === "test" ? test : train;
    }
    if (subset === undefined) return chosen;
    if (typeof subset === "number" && subset >= chosen.length) return chosen;
    const size =
      typeof subset === "number" ? { count: subset } : { fraction: Number.parseFloat(subset) / 100 };
    return randomSubset(chosen, { ...size, seed });
  } catch (error) {
    throw new UsageError(`pictures ${name}: ${(error as Error).message}`);
  }
}

/** A table of some of the files of a source, which is opened in its place. */
async function tableOf(
  name: string,
  dataset: ImageDataset,
  digest: string,
  { isWritten, studies }: { readonly studies: StudyFolder; readonly isWritten: boolean },
): Promise<string> {
  if (!existsSync(dataset.path(0))) {
    throw new UsageError(
      `pictures ${name}: heldOut and subset need pictures that are files of their own, and ` +
        `${dataset.path(0)} is none. Unpack them into a folder, or use the whole source.`,
    );
  }
  const lines = Array.from({ length: dataset.length }, (_, index) => {
    const label = dataset.classes[dataset.label(index)];
    return JSON.stringify({ file_name: dataset.path(index), ...(label === undefined ? {} : { label }) });
  });
  // The digest does not depend on the folder of the pictures, but the table's paths do.
  const text = `${lines.join("\n")}\n`;
  const place = createHash("sha256").update(text).digest("hex").slice(0, 8);
  const path = studies.filePath("pictures", `${digest}-${place}.jsonl`);
  if (isWritten && !existsSync(path)) await studies.writeText(path, text);
  return path;
}

/** Hash of the pictures' names, labels and contents; kept under their fingerprint, so that it is computed once. */
async function digestOf(
  dataset: ImageDataset,
  { isWritten, studies }: { readonly studies: StudyFolder; readonly isWritten: boolean },
  onProgress: (done: number) => void,
): Promise<string> {
  const fingerprint = (await dataset.fingerprint?.()) ?? null;
  const known = fingerprint === null ? null : await studies.read<{ digest: string }>("digests", fingerprint);
  if (known !== null) return known.digest;
  const hash = createHash("sha256").update(JSON.stringify(dataset.classes));
  const root = rootOf(dataset);
  for (let first = 0; first < dataset.length; first += readAtOnce) {
    const count = Math.min(readAtOnce, dataset.length - first);
    const contents = await Promise.all(
      // What cannot be read is skipped in training, too.
      Array.from({ length: count }, (_, place) => storedHash(dataset, first + place)),
    );
    for (const [place, content] of contents.entries()) {
      const index = first + place;
      hash.update(`\0${relative(root, dataset.path(index))}\0${dataset.label(index)}\0${content}`);
    }
    onProgress(first + count);
  }
  const digest = hash.digest("hex").slice(0, 32);
  if (isWritten && fingerprint !== null) await studies.write("digests", fingerprint, { digest });
  return digest;
}

async function storedHash(dataset: ImageDataset, index: number): Promise<string> {
  const bytes = await (dataset.stored?.(index) ?? dataset.image(index).then(({ data }) => data)).catch(
    () => null,
  );
  return bytes === null ? "unreadable" : createHash("sha256").update(bytes).digest("hex");
}
