import { basename, dirname, join, relative, resolve } from "node:path";
import { writeFileDurably } from "@splitmask/autograd";
import {
  centerCrop,
  type ImageBatch,
  type ImageDataset,
  orderedBatches,
  type SkippedPicture,
  subset,
} from "@splitmask/data";
import { embedBatches } from "@splitmask/eval";
import { createDevice, type Device } from "@splitmask/kernels";
import type { SplitMask } from "@splitmask/methods";
import { loadTokenizer } from "@splitmask/tokenizer";
import { readCheckpointModel } from "@splitmask/trainer";
import { attentionViews } from "../report/attention.js";
import type { ReportData } from "../report/data.js";
import { exampleDictionary } from "../report/dictionary.js";
import { drawPictures, pngOf } from "../report/draw.js";
import { chartsOf, factsOf } from "../report/facts.js";
import { neighbourViews } from "../report/neighbours.js";
import { reportPage } from "../report/page.js";
import { predictionViews } from "../report/predictions.js";
import { tokenView } from "../report/tokens.js";
import type { Terminal } from "../terminal/terminal.js";
import { type RunDescription, readRun } from "./description.js";
import { findCheckpoint } from "./encoder.js";
import { createMethod, encoderView, tokenizerView } from "./method.js";
import { openPictures, rootOf, spread } from "./pictures.js";
import { tokenizerFile } from "./pretrain.js";
import { chooseSubset } from "./subset.js";

/** Which run's report is wanted. */
export interface ReportRequest {
  /** A run folder. */
  readonly run: string;
  /** Pictures to show; the training pictures when not given. */
  readonly pictures?: string;
  /** The page to write; `report.html` in the run folder when not given. */
  readonly out?: string;
  /** Threads; all cores when not given. */
  readonly threads?: number;
}

/** Pictures among which neighbours are looked for, and whose patches stand for words. */
const gallerySize = 1024;
const shownPictures = 6;
const shownAttention = 4;
const shownQueries = 6;
const shownNeighbours = 5;

/**
 * Writes the report of a run: one HTML page.
 *
 * @param request Which run.
 * @param terminal Where progress is told.
 * @returns Path of the page.
 * @throws Error where the path is no run or has no checkpoint.
 */
export async function writeReport(request: ReportRequest, terminal: Terminal): Promise<string> {
  const { run: runPath, checkpoint } = await findCheckpoint(request.run);
  const { run, description } = await readRun(runPath);
  if (checkpoint === null)
    throw new Error(`${request.run}: there is no checkpoint yet. Wait for the first one.`);
  const out = resolve(request.out ?? join(runPath, "report.html"));
  const all = await openPictures(request.pictures ?? description.pictures, terminal);
  const ownPictures = request.pictures === undefined;
  const dataset = ownPictures ? await chooseSubset(all, description.config) : all;
  const device = createDevice(request.threads === undefined ? {} : { threads: request.threads });
  try {
    terminal.progress("report: looking at the pictures", true);
    const tokenizer = await loadTokenizer(device, join(runPath, tokenizerFile));
    const method = createMethod(device, description.config, tokenizer);
    method.model.loadStateDict(await readCheckpointModel(checkpoint.path));
    const looked = await lookAt(device, description, method, dataset, rootOf(all));
    const skipped = ownPictures ? bothSkipped(await run.readSkipped(), looked.skipped) : looked.skipped;
    const metrics = await run.readMetrics();
    const { config } = description;
    const data: ReportData = {
      title: basename(resolve(runPath)),
      written: new Date().toISOString().slice(0, 16).replace("T", " "),
      summary:
        `A vision transformer (width ${config.width}, depth ${config.depth}, ${config.heads} heads, patches of ${config.patch} pixels at ${config.imageSize}×${config.imageSize}), ` +
        `pre-trained with SplitMask on ${description.pictureCount.toLocaleString("en")} pictures without labels.`,
      facts: factsOf({
        description,
        metrics,
        encoderParameters: method.model.encoder.parameterCount,
        parameters: method.model.parameterCount,
        skipped: skipped.length,
      }),
      charts: chartsOf(description, metrics),
      configuration: description.choices,
      ...looked,
      skipped,
    };
    await writePage(out, reportPage(data));
    terminal.endProgress();
    return out;
  } finally {
    device.close();
    await dataset.close?.();
  }
}

/** What the run skipped, and what was skipped for the page besides. */
function bothSkipped(run: readonly SkippedPicture[], page: readonly SkippedPicture[]): SkippedPicture[] {
  return [...new Map([...run, ...page].map((picture) => [picture.path, picture])).values()];
}

/** Writes the page whole, or says where it cannot. */
async function writePage(path: string, text: string): Promise<void> {
  try {
    await writeFileDurably(path, text);
  } catch (error) {
    throw new Error(
      `report: cannot write ${path} in ${dirname(path)}: ${(error as Error).message}. Give another path with --out.`,
      { cause: error },
    );
  }
}

/** What the page shows of the pictures. */
type Looked = Pick<ReportData, "tokens" | "pictures" | "wordsNote" | "attention" | "neighbours" | "skipped">;

/** Looks at the pictures with the run's tokenizer, encoder and decoder. */
async function lookAt(
  device: Device,
  description: RunDescription,
  method: SplitMask,
  dataset: ImageDataset,
  root: string,
): Promise<Looked> {
  const { config } = description;
  const { tokenizer } = method.config;
  const { encoder } = method.model;
  const views = [encoderView(description), tokenizerView(config)];
  const load = async (indices: readonly number[]) => {
    const source = orderedBatches(subset(dataset, indices), {
      device,
      batchSize: 64,
      views,
      augmentation: centerCrop({ ratio: 1 }),
    });
    const batches: ImageBatch[] = [];
    for await (const batch of source) batches.push(batch);
    const kept = batches.flatMap((batch) => Array.from(batch.indices, (index) => indices[index]!));
    return {
      batches,
      names: kept.map((index) => relative(root, dataset.path(index))),
      skipped: source.skipped(),
    };
  };
  const gallery = await load(spread(dataset.length, gallerySize));
  if (gallery.batches.length === 0)
    throw new Error(`report: none of the pictures in ${dirname(dataset.path(0))} can be read.`);
  const pixels = gallery.batches.map((batch) => batch.views[1]!);
  // Every third batch, so from all over the gallery: more patches would hardly draw the words better.
  const dictionary = exampleDictionary(
    tokenizer,
    pixels.filter((_, index) => index % 3 === 0),
  );

  const shown = await load(middles(dataset.length, shownPictures));
  const pictures =
    shown.batches[0] === undefined
      ? []
      : await predictionViews(method, shown.batches[0], dictionary, shown.names, config.seed);

  const looking = await load(middles(dataset.length, shownAttention));
  const attention =
    looking.batches[0] === undefined ? [] : await attentionViews(encoder, looking.batches[0], looking.names);

  const features = await embedBatches(encoder, gallery.batches);
  const drawn = await Promise.all(pixels.map((batch) => drawPictures(batch, tokenizer.patchSize)));
  const places = drawn.flatMap((batch) =>
    Array.from({ length: batch.count }, (_, index) => ({ batch, index })),
  );
  const galleryPictures = places.map(({ batch, index }, row) => ({
    name: gallery.names[row]!,
    image: () => pngOf(batch, index),
  }));
  const queries = middles(galleryPictures.length, shownQueries);
  return {
    tokens: await tokenView(tokenizer, pixels),
    pictures,
    wordsNote: wordsNote(tokenizer.name),
    attention,
    neighbours:
      galleryPictures.length > 1
        ? await neighbourViews(device, features, galleryPictures, queries, shownNeighbours)
        : [],
    skipped: gallery.skipped,
  };
}

/** Like `spread`, from the middle of each stretch: not the first picture of each class. */
function middles(length: number, most: number): number[] {
  const count = Math.min(length, most);
  return Array.from({ length: count }, (_, index) => Math.floor(((index + 0.5) * length) / count));
}

function wordsNote(tokenizer: string): string {
  const how =
    "Each word is drawn as an example: of all patches of the pictures looked at, the one nearest to the mean of those that carry the word.";
  const exact =
    "“Exact” is the share of the hidden patches whose very word was named, out of all words of the vocabulary; a neighbouring word often looks the same.";
  if (tokenizer !== "random-projection") return `${how} ${exact}`;
  return `${how} The words themselves are random directions and would look like noise; patches of quite different looks may share one, so “in words” is coarse. ${exact}`;
}
