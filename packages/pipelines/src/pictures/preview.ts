import { writeFile } from "node:fs/promises";
import { extname } from "node:path";
import {
  augmentViews,
  type DevicePicture,
  defaultDecodeSize,
  evenlySpaced,
  type ImageDataset,
  PictureError,
  type SkippedPicture,
  shownName,
  type View,
} from "@splitmask/data";
import type { Device } from "@splitmask/kernels";
import { UsageError } from "@splitmask/methods/settings";
import { type ContactSheet, drawPictures, type SheetRow, sheetPage, sheetPicture } from "@splitmask/report";
import sharp from "sharp";
import { examineMachine } from "../machine/machine.js";
import { withDevice } from "../machine/withDevice.js";
import type { Config } from "../settings/config.js";
import { withNormalization } from "../settings/normalization.js";
import type { PretrainingSettings } from "../settings/runSettings.js";
import { silentTerminal, type Terminal } from "../terminal/terminal.js";
import { trainingAugmentation } from "../training/augmentation.js";
import { pretrainingViews } from "../training/batches.js";
import { decideSettings } from "../training/decideSettings.js";
import { withPictures } from "./openFiles.js";
import { scanPictures } from "./scanPictures.js";

/** What to draw, and where to. */
export interface PreviewRequest {
  /** Folder of pictures. */
  readonly folder: string;
  /** The sheet to write: `.png` or `.html`. */
  readonly out: string;
  /** The fields that are given; the rest is chosen as for pre-training. */
  readonly config?: Config;
  /** Pictures, evenly spread over the folder. Default 8. */
  readonly count?: number;
  /** Augmented versions of each: what epochs 0, 1, … show. Default 5. */
  readonly versions?: number;
}

/** What was drawn. */
export interface PreviewResult {
  /** The file. */
  readonly out: string;
  /** Rows of the sheet. */
  readonly pictures: number;
  /** Augmented versions in each row. */
  readonly versions: number;
  /** What happens to the pictures, in words. */
  readonly augmentation: string;
  /** Pictures that could not be read; others stand in their places. */
  readonly skipped: readonly SkippedPicture[];
}

/**
 * Draws a contact sheet: in each row a picture, the versions of it that training shows the encoder, and the method's
 * other views of the first of these, such as the tokenizer's.
 *
 * @param request What and where.
 * @param terminal Where progress is told.
 * @throws UsageError where the file's name has another ending, or the settings contradict each other.
 * @throws Error where there are no pictures.
 */
export async function preview(
  request: PreviewRequest,
  terminal: Terminal = silentTerminal,
): Promise<PreviewResult> {
  const { folder, out, config: given = {}, count = 8, versions = 5 } = request;
  const type = extname(out).toLowerCase();
  if (type !== ".png" && type !== ".html")
    throw new UsageError(`--out: got "${out}", expected a file name that ends in .png or .html.`);
  const { dataset, facts } = await scanPictures(folder, terminal, { ...given, use: "pretraining" });
  const skipped = new Map<string, string>();
  const rows: SheetRow[] = [];
  const draw = async (device: Device) => {
    const decided = await decideSettings(given, facts, await examineMachine(device));
    const { config } = decided;
    const half = [0.5, 0.5, 0.5];
    const views = pretrainingViews(decided.method, withNormalization(config)).map((view) => ({
      ...view,
      mean: half,
      std: half,
    }));
    const chosen = evenlySpaced(dataset.length, count);
    for (const [number, planned] of chosen.entries()) {
      const row = await goodRow(device, dataset, planned, { config, views, versions, skipped });
      if (row !== null) rows.push(row);
      terminal.progress(`${number + 1} of ${chosen.length} pictures drawn`);
    }
    terminal.endProgress();
    return { config, views };
  };
  const { config, views } = await withPictures([dataset], () => withDevice(given.threads, draw));
  if (rows.length === 0) {
    const [[path, reason]] = [...skipped] as [[string, string]];
    throw new Error(`${folder}: none of the pictures can be decoded, e.g. ${path}: ${reason}.`);
  }
  const augmentation = trainingAugmentation(config).name;
  const heads = [
    "picture",
    ...Array.from({ length: versions }, (_, epoch) => `epoch ${epoch + 1}`),
    ...views.slice(1).map(({ name }, index) => `${name ?? `view ${index + 2}`}, epoch 1`),
  ];
  const sheet: ContactSheet = {
    title: folder,
    note: augmentation,
    heads,
    rows,
    cell: cellSize(config.imageSize),
  };
  await writeFile(out, type === ".png" ? await sheetPicture(sheet) : await sheetPage(sheet));
  return {
    ...{ out, pictures: rows.length, versions, augmentation },
    skipped: Array.from(skipped, ([path, reason]) => ({ path, reason })),
  };
}

/** Small crops are enlarged by whole numbers until their pixels can be seen. */
function cellSize(imageSize: number): number {
  return imageSize * Math.max(1, Math.round(128 / imageSize));
}

interface RowOptions {
  readonly config: PretrainingSettings;
  /** What a batch of training holds, to be drawn. */
  readonly views: readonly View[];
  readonly versions: number;
  /** Receives the bad pictures. */
  readonly skipped: Map<string, string>;
}

/** The row of a picture, or of the first good one after it, as the loader replaces bad ones; null: there is none. */
async function goodRow(
  device: Device,
  dataset: ImageDataset,
  planned: number,
  options: RowOptions,
): Promise<SheetRow | null> {
  for (let offset = 0; offset < dataset.length; offset++) {
    const index = (planned + offset) % dataset.length;
    try {
      return await rowOf(device, dataset, index, options);
    } catch (error) {
      if (!(error instanceof PictureError)) throw error;
      options.skipped.set(error.path, error.reason);
    }
  }
  return null;
}

async function rowOf(
  device: Device,
  dataset: ImageDataset,
  index: number,
  { config, versions, views: drawn }: RowOptions,
): Promise<SheetRow> {
  const { seed } = config;
  // As the loader of training decodes it.
  const { shape, data, offset } = await dataset.image(index, { shortSide: defaultDecodeSize(drawn) });
  const [height, width, channels] = shape as [number, number, number];
  if (channels !== 3)
    throw new Error(`${dataset.path(index)}: it has ${channels} channels; the preview draws pictures of 3.`);
  const pixels = data.subarray(offset, offset + height * width * 3);
  const buffer = device.allocate(pixels.length);
  const picture: DevicePicture = { buffer, byteOffset: 0, height, width };
  device.upload(picture, pixels);
  const views = augmentViews({
    device,
    pictures: Array.from({ length: versions }, () => picture),
    keys: Array.from({ length: versions }, (_, step) => ({ seed, step, sample: index })),
    views: [...drawn],
    augmentation: trainingAugmentation(config),
  });
  buffer.release();
  const [seen, ...others] = await Promise.all(views.map((view) => drawPictures(view)));
  for (const view of views) view.dispose();
  const original = sharp(pixels, { raw: { height, width, channels: 3 } });
  const cells = [original, ...seen!, ...others.map((drawn) => drawn[0]!)];
  return { name: shownName(dataset.path(index)), cells };
}
