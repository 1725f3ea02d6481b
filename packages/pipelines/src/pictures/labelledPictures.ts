import { type ImageDataset, subset } from "@splitmask/data";
import { type Choice, type LabelledConfig, sourceOf } from "../settings/sourceFields.js";
import type { Terminal } from "../terminal/terminal.js";
import { closedOnError } from "./openFiles.js";
import { openPictures } from "./pictures.js";
import { type ScannedPictures, type ScanOptions, scanPictures } from "./scanPictures.js";
import { warnOfShared } from "./sharedWarning.js";

/** Labeled pictures to train and to test with. */
export interface LabelledPictures {
  readonly train: ScannedPictures;
  readonly test: ImageDataset;
  /** The class names, by label. */
  readonly classes: readonly string[];
  /** Why figures on the test pictures may not mean what they seem to. */
  readonly warnings: readonly string[];
}

/**
 * Opens labeled pictures; those without a label are left out and told, and so are test pictures that are training
 * pictures too.
 *
 * @throws Error where there are not two classes, or no labeled picture.
 */
export async function openLabelledPictures(
  paths: { readonly train: string; readonly test: string },
  options: Omit<ScanOptions, "split"> & Choice<LabelledConfig>,
  terminal: Terminal,
): Promise<LabelledPictures> {
  const train = await openTrainingPictures(
    paths.train,
    { ...options, ...sourceOf(options, "train") },
    terminal,
  );
  const { classes } = train.dataset;
  const { cacheFolder } = options;
  // Brightness compares between what is learned from and what is tested with.
  const valueRange = train.valueRange ?? options.valueRange;
  const source = { ...sourceOf(options, "test"), valueRange, use: "test", classes, cacheFolder } as const;
  return closedOnError([train.dataset], async () => {
    const opened = await openPictures(paths.test, terminal, source);
    return closedOnError([opened], async () => {
      const test = withLabels("--test", paths.test, opened, terminal);
      const warnings = await warnOfShared("--test", train.dataset, test, terminal);
      return { train, test, classes, warnings };
    });
  });
}

/** Opens those to learn from; a source without two classes, or without a labeled picture, is an error. */
export async function openTrainingPictures(
  path: string,
  options: ScanOptions,
  terminal: Terminal,
): Promise<ScannedPictures> {
  return scanLabelled("--train", path, { ...options, use: "training" }, terminal);
}

/**
 * Opens pictures of at least two classes, and leaves out those without a label.
 *
 * @param option What asks for them, for errors.
 */
export async function scanLabelled(
  option: string,
  path: string,
  options: ScanOptions,
  terminal: Terminal,
): Promise<ScannedPictures> {
  const scanned = await scanPictures(path, terminal, options);
  return closedOnError([scanned.dataset], async () => {
    checkClasses(option, path, scanned.dataset);
    const dataset = withLabels(option, path, scanned.dataset, terminal);
    return { ...scanned, dataset, facts: { ...scanned.facts, count: dataset.length } };
  });
}

/** Checks that there is something to tell apart. */
export function checkClasses(option: string, path: string, { classes }: ImageDataset): void {
  if (classes.length >= 2) return;
  throw new Error(
    `${option}: ${path} has ${classes.length === 0 ? "no class folders" : "only one class folder"}; ` +
      "expected one folder of pictures a class, at least two, or another source with labels.",
  );
}

/** The pictures that have a label; how many have none is told. */
export function withLabels(
  option: string,
  path: string,
  dataset: ImageDataset,
  terminal: Terminal,
): ImageDataset {
  const labelled = Array.from({ length: dataset.length }, (_, index) => index).filter(
    (index) => dataset.label(index) >= 0,
  );
  if (labelled.length === dataset.length) return dataset;
  if (labelled.length === 0) {
    throw new Error(
      `${option}: none of the ${dataset.length} pictures of ${path} has a label; expected one folder of ` +
        "pictures a class, or another source with labels. Of a source with several splits, choose one that has " +
        "labels.",
    );
  }
  terminal.warn(
    `${dataset.length - labelled.length} of ${dataset.length} pictures of ${path} have no label and are left out`,
  );
  return subset(dataset, labelled);
}
