import { stat } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import { limitSkipped, type SkippedPicture } from "@splitmask/data";
import { embedDataset, writeFeatures } from "@splitmask/eval";
import { UsageError } from "@splitmask/methods/settings";
import { withDevice } from "../machine/withDevice.js";
import { withPictures } from "../pictures/openFiles.js";
import { openPictures, rootOf } from "../pictures/pictures.js";
import { loadEncoder } from "../runs/encoder.js";
import type { RunMethod } from "../runs/methodOf.js";
import { defaultMaximumSkipped } from "../settings/resolveCommon.js";
import { type SourceConfig, settleSource } from "../settings/sourceFields.js";
import { silentTerminal, type Terminal } from "../terminal/terminal.js";
import { trainedRange } from "./trainedRange.js";

/** What to embed, and where to. */
export interface EmbedRequest extends SourceConfig, RunMethod {
  /** A run folder, or a checkpoint folder inside one. */
  readonly run: string;
  /** The pictures: a folder, a file or a pattern, as `openDataset` takes it. */
  readonly folder: string;
  /** The `.npy` file to write; paths go to a `.jsonl` file beside it. */
  readonly out: string;
  /** The encoder as it was before training. */
  readonly untrained?: boolean;
  /** Largest share of the pictures that may be unreadable. Default 0.1. */
  readonly maximumSkipped?: number;
  /** Pictures a step. Default 64. */
  readonly batch?: number;
  /** Threads; all cores when not given. */
  readonly threads?: number;
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
  if (!request.out.endsWith(".npy"))
    throw new UsageError(`--out: got "${request.out}", expected a file name that ends in .npy.`);
  const folder = dirname(resolve(request.out));
  const isFolder = await stat(folder).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  if (!isFolder) throw new Error(`--out: ${folder} is not a folder. Make it first, or give another path.`);
  const valueRange = request.valueRange ?? (await trainedRange(request.run));
  const source = { ...settleSource(request), valueRange };
  const dataset = limitSkipped(await openPictures(request.folder, terminal, source), {
    maximumSkipped: request.maximumSkipped ?? defaultMaximumSkipped,
  });
  return withPictures([dataset], () =>
    withDevice(request.threads, async (device) => {
      const { encoder, view } = await loadEncoder(device, request);
      const { features, labels, indices, skipped } = await embedDataset({
        device,
        encoder,
        dataset,
        view,
        batchSize: request.batch ?? 64,
        onProgress: (done: number, total: number) =>
          terminal.progress(`${done} of ${total} pictures embedded`, done === total),
      });
      terminal.endProgress();
      const root = rootOf(dataset);
      const paths = Array.from(indices, (index: number) => relative(root, dataset.path(index)));
      const written = await writeFeatures(request.out, features, { paths, labels, classes: dataset.classes });
      const [count, width] = features.shape as [number, number];
      return { features: written.features, paths: written.paths, root, count, width, skipped };
    }),
  );
}
