import { type ImageDataset, randomSplit, subset } from "@splitmask/data";
import { UsageError } from "@splitmask/methods/settings";
import { type Choice, type LabelledConfig, sourceOf } from "../settings/sourceFields.js";
import type { Terminal } from "../terminal/terminal.js";
import { closedOnError } from "./openFiles.js";
import { openPictures } from "./pictures.js";
import { type ScannedPictures, type ScanOptions, scanPictures } from "./scanPictures.js";
import { warnOfShared } from "./sharedWarning.js";
import { chooseSubset } from "./subset.js";

/** Share of each class that is held out where no test pictures are given. */
const usualHeldOut = 0.2;
/** One seed for all: figures of different runs and seeds are of the same pictures. */
const heldOutSeed = 0;

/** Where labeled pictures are. */
export interface LabelledPaths {
  /** Pictures to learn from. */
  readonly train: string;
  /** Pictures to test with; undefined: some of the others are held out. */
  readonly test?: string | undefined;
}

/** Labeled pictures to train and to test with. */
export interface LabelledPictures {
  readonly train: ScannedPictures;
  readonly test: ImageDataset;
  /** The class names, by label. */
  readonly classes: readonly string[];
  /** Why figures on the test pictures may not mean what they seem to. */
  readonly warnings: readonly string[];
}

/** How labeled pictures are opened. */
type LabelledOptions = Omit<ScanOptions, "split"> & Choice<LabelledConfig>;

/**
 * The share of each class that is held out; null where there are test pictures.
 *
 * @throws UsageError where a share and test pictures are given.
 */
export function heldOutShare(
  { test }: LabelledPaths,
  { heldOut }: Choice<Pick<LabelledConfig, "heldOut">>,
): number | null {
  if (test === undefined) return heldOut ?? usualHeldOut;
  if (heldOut == null) return null;
  throw new UsageError(
    `--held-out: got ${heldOut}, but the test pictures are given, ${test}. Leave one of them out.`,
  );
}

/**
 * Opens labeled pictures; those without a label are left out and told, and test pictures that are training pictures
 * too are told. Without test pictures, some of each class are held out.
 *
 * @throws Error where there are not two classes, or no labeled picture.
 */
export async function openLabelledPictures(
  paths: LabelledPaths,
  options: LabelledOptions,
  terminal: Terminal,
): Promise<LabelledPictures> {
  const { test, train } = paths;
  const share = heldOutShare(paths, options);
  return test === undefined
    ? openHeldOut(train, share!, options, terminal)
    : openBoth(train, test, options, terminal);
}

/** Opens training pictures, of which a share of each class is held out to test with. */
async function openHeldOut(
  path: string,
  fraction: number,
  options: LabelledOptions,
  terminal: Terminal,
): Promise<LabelledPictures> {
  const { perClass, seed, subset: some, ...reading } = options;
  const whole = await openTrainingPictures(path, { ...reading, ...sourceOf(options, "train") }, terminal);
  const { classes } = whole.dataset;
  return closedOnError([whole.dataset], async () => {
    const [rest, test] = holdOut(whole.dataset, fraction);
    if (test.length === 0) {
      throw new Error(
        `--train: ${path} has one picture of each class, so that none can be held out. Give test pictures with --test.`,
      );
    }
    const count = whole.dataset.length.toLocaleString("en");
    terminal.line(`${test.length.toLocaleString("en")} of the ${count} pictures are held out to test with`);
    // Of those that are left, so that few labels do not leave few test pictures.
    const dataset = await chooseSubset(rest, { perClass, seed, subset: some });
    const warnings = await warnOfShared("--held-out", dataset, test, terminal);
    const train = { ...whole, dataset, facts: { ...whole.facts, count: dataset.length } };
    return { train, test, classes, warnings };
  });
}

/** Labeled pictures without those that are held out, and the latter. */
export function holdOut(dataset: ImageDataset, fraction: number): [ImageDataset, ImageDataset] {
  return randomSplit(dataset, { fraction, seed: heldOutSeed });
}

async function openBoth(
  trainPath: string,
  testPath: string,
  options: LabelledOptions,
  terminal: Terminal,
): Promise<LabelledPictures> {
  const train = await openTrainingPictures(
    trainPath,
    { ...options, ...sourceOf(options, "train") },
    terminal,
  );
  const { classes } = train.dataset;
  const { cacheFolder } = options;
  // Brightness compares between what is learned from and what is tested with.
  const valueRange = train.valueRange ?? options.valueRange;
  const source = { ...sourceOf(options, "test"), valueRange, use: "test", classes, cacheFolder } as const;
  return closedOnError([train.dataset], async () => {
    const opened = await openPictures(testPath, terminal, source);
    return closedOnError([opened], async () => {
      const test = withLabels("--test", testPath, opened, terminal);
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
