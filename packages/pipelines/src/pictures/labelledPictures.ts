import { type ImageDataset, subset } from "@splitmask/data";
import { type Choice, type LabelledConfig, type SourceConfig, sourceOf } from "../settings/sourceFields.js";
import type { Terminal } from "../terminal/terminal.js";
import { closedOnError } from "./openFiles.js";
import { type OpenPicturesOptions, openPictures } from "./pictures.js";
import { type ScanChoice, type ScannedPictures, scanPictures } from "./scanPictures.js";
import { warnOfShared } from "./sharedWarning.js";

/** Labeled pictures to train and to test with. */
export interface LabelledPictures {
  /** The training pictures and what was learned of them. */
  readonly train: ScannedPictures;
  /** The test pictures. */
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
 * @param paths Where they are.
 * @param config How they are opened, which training pictures are chosen, and how many may be unreadable.
 * @param terminal Where progress is told.
 * @throws Error where there are not two classes, or no labeled picture.
 */
export async function openLabelledPictures(
  paths: { readonly train: string; readonly test: string },
  config: ScanChoice & Choice<LabelledConfig> & Pick<OpenPicturesOptions, "classes">,
  terminal: Terminal,
): Promise<LabelledPictures> {
  const train = await openTrainingPictures(
    paths.train,
    { ...config, ...sourceOf(config, "train") },
    terminal,
  );
  const { classes } = train.dataset;
  const { cacheFolder } = config;
  // Brightness compares between what is learned from and what is tested with.
  const valueRange = train.valueRange ?? config.valueRange;
  const source = { ...sourceOf(config, "test"), valueRange, use: "test", classes, cacheFolder } as const;
  return closedOnError([train.dataset], async () => {
    const opened = await openPictures(paths.test, terminal, source);
    return closedOnError([opened], async () => {
      const test = withLabels("--test", paths.test, opened, terminal);
      const warnings = await warnOfShared("--test", train.dataset, test, terminal);
      return { train, test, classes, warnings };
    });
  });
}

/**
 * Opens labeled pictures to learn from; those without a label are left out and told.
 *
 * @param path Where they are.
 * @param config How they are opened, which are chosen, and how many may be unreadable.
 * @param terminal Where progress is told.
 * @throws Error where there are not two classes, or no labeled picture.
 */
export async function openTrainingPictures(
  path: string,
  config: ScanChoice & Choice<SourceConfig> & Pick<OpenPicturesOptions, "classes">,
  terminal: Terminal,
): Promise<ScannedPictures> {
  const scanned = await scanPictures(path, terminal, { ...config, use: "training" });
  return closedOnError([scanned.dataset], async () => {
    checkClasses("--train", path, scanned.dataset);
    const dataset = withLabels("--train", path, scanned.dataset, terminal);
    return { ...scanned, dataset, facts: { ...scanned.facts, count: dataset.length } };
  });
}

/**
 * Checks that there is something to tell apart.
 *
 * @throws Error where there are not two classes.
 */
export function checkClasses(option: string, path: string, { classes }: ImageDataset): void {
  if (classes.length >= 2) return;
  throw new Error(
    `${option}: ${path} has ${classes.length === 0 ? "no class folders" : "only one class folder"}; expected one folder of pictures a class, at least two, or another source with labels.`,
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
