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
import { drawPictures, type SheetRow, sheetPage, sheetPicture } from "@splitmask/report";
import sharp from "sharp";
import { examineMachine } from "../machine/machine.js";
import { withDevice } from "../machine/withDevice.js";
import type { Config } from "../settings/config.js";
import { withNormalization } from "../settings/normalization.js";
import type { PretrainingSettings } from "../settings/runSettings.js";
import { silentTerminal, type Terminal } from "../terminal/terminal.js";
import { decideSettings } from "../training/pretrain.js";
import { pretrainingStep, trainingAugmentation } from "../training/runStep.js";
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
    const { config, method } = await decideSettings(given, facts, await examineMachine(device));
    const half = [0.5, 0.5, 0.5];
    const normalized = pretrainingStep(method).views(withNormalization(config));
    const views = normalized.map((view) => ({ ...view, mean: half, std: half }));
    const chosen = evenlySpaced(dataset.length, count);
    for (const [number, planned] of chosen.entries()) {
      // Where one is bad, the first good one after it, as the loader replaces it.
      for (let offset = 0; offset < dataset.length && rows.length <= number; offset++) {
        const index = (planned + offset) % dataset.length;
        try {
          rows.push(await rowOf(device, dataset, index, { config, views, versions }));
        } catch (error) {
          if (!(error instanceof PictureError)) throw error;
          skipped.set(error.path, error.reason);
        }
      }
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
  const { name: augmentation } = views[0]!.augmentation ?? trainingAugmentation(config);
  const heads = [
    "picture",
    ...Array.from({ length: versions }, (_, epoch) => `epoch ${epoch + 1}`),
    ...views.slice(1).map(({ name }, index) => `${name ?? `view ${index + 2}`}, epoch 1`),
  ];
  // Small crops are enlarged by whole numbers until their pixels can be seen.
  const cell = config.imageSize * Math.max(1, Math.round(128 / config.imageSize));
  const sheet = { title: folder, note: augmentation, heads, rows, cell };
  await writeFile(out, type === ".png" ? await sheetPicture(sheet) : await sheetPage(sheet));
  return {
    ...{ out, pictures: rows.length, versions, augmentation },
    skipped: Array.from(skipped, ([path, reason]) => ({ path, reason })),
  };
}

/** A picture, versions of it, and the other views of the first version. */
async function rowOf(
  device: Device,
  dataset: ImageDataset,
  index: number,
  { config, versions, views }: { config: PretrainingSettings; versions: number; views: readonly View[] },
): Promise<SheetRow> {
  const { seed } = config;
  // As the loader of training decodes it.
  const { shape, data, offset } = await dataset.image(index, { shortSide: defaultDecodeSize(views) });
  const [height, width, channels] = shape as [number, number, number];
  if (channels !== 3)
    throw new Error(`${dataset.path(index)}: it has ${channels} channels; the preview draws pictures of 3.`);
  const pixels = data.subarray(offset, offset + height * width * 3);
  const buffer = device.allocate(pixels.length);
  const picture: DevicePicture = { buffer, byteOffset: 0, height, width };
  device.upload(picture, pixels);
  const seen = augmentViews({
    ...{ device, views: [...views], augmentation: trainingAugmentation(config) },
    pictures: Array.from({ length: versions }, () => picture),
    keys: Array.from({ length: versions }, (_, step) => ({ seed, step, sample: index })),
  });
  buffer.release();
  const [first, ...others] = await Promise.all(seen.map((view) => drawPictures(view)));
  for (const view of seen) view.dispose();
  const original = sharp(pixels, { raw: { height, width, channels: 3 } });
  const cells = [original, ...first!, ...others.map((pictures) => pictures[0]!)];
  return { name: shownName(dataset.path(index)), cells };
}
