import { stat } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import type { SkippedPicture } from "@splitmask/data";
import { writeFeatures } from "@splitmask/eval";
import { UsageError } from "@splitmask/methods/settings";
import { openPictures, rootOf } from "../pictures/pictures.js";
import { trainedRange } from "../runs/encoder.js";
import type { RunMethod } from "../runs/methodOf.js";
import type { SourceConfig } from "../settings/sourceFields.js";
import { silentTerminal, type Terminal } from "../terminal/terminal.js";
import { type UsedRun, withEncoder } from "./usedRun.js";

/** What to embed, and where to. */
export interface EmbedRequest extends UsedRun, SourceConfig, RunMethod {
  /** The pictures: a folder, a file or a pattern, as `openDataset` takes it. */
  readonly folder: string;
  /** The `.npy` file to write; paths go to a `.jsonl` file beside it. */
  readonly out: string;
  /** `"patches"`: a row for each patch of a picture, N×P×D. Default: the mean of them, N×D. */
  readonly tokens?: "patches";
  /** The encoder as it was before training. */
  readonly untrained?: boolean;
}

/** What was written. */
export interface EmbedResult {
  /** The `.npy` file. */
  readonly features: string;
  /** The `.jsonl` file with a line a row. */
  readonly paths: string;
  /** The folder that the paths in it are relative to. */
  readonly root: string;
  /** Rows. */
  readonly count: number;
  /** P, the patches of a picture, row by row; null: one vector a picture. */
  readonly patches: number | null;
  /** Columns. */
  readonly width: number;
  /** The pictures that could not be read; they have no row. */
  readonly skipped: readonly SkippedPicture[];
}

/**
 * Writes the encoder's embedding of every picture of a folder.
 *
 * @param request What and where.
 * @param terminal Where progress is told.
 * @throws Error where the pictures, the run or the output folder are not there.
 */
export async function embed(
  request: EmbedRequest,
  terminal: Terminal = silentTerminal,
): Promise<EmbedResult> {
  const { out, run, tokens, valueRange = await trainedRange(run) } = request;
  if (tokens !== undefined && tokens !== "patches")
    throw new UsageError(`--tokens: got "${tokens}", expected patches.`);
  if (!out.endsWith(".npy"))
    throw new UsageError(`--out: got "${out}", expected a file name that ends in .npy.`);
  const folder = dirname(resolve(out));
  const isFolder = (await stat(folder).catch(() => null))?.isDirectory();
  if (!isFolder) throw new Error(`--out: ${folder} is not a folder. Make it first, or give another path.`);
  const pictures = await openPictures(request.folder, terminal, { ...request, valueRange });
  return withEncoder(request, [pictures], terminal, async (encoder) => {
    const [{ features, labels, indices, skipped }] = await encoder.embed(
      pictures,
      "pictures",
      null,
      tokens ?? "mean",
    );
    terminal.endProgress();
    const root = rootOf(pictures);
    const names = Array.from(indices, (index) => relative(root, pictures.path(index)));
    const written = await writeFeatures(out, features, { paths: names, labels, classes: pictures.classes });
    const [count = 0, ...sizes] = features.shape;
    const patches = tokens === undefined ? null : sizes[0]!;
    return { ...written, root, count, patches, width: sizes.at(-1)!, skipped };
  });
}
