import { gatherTokens, noGrad, nonFiniteRow, reshape, scope, type Tensor, tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { heldOutFifths } from "./folds.js";
import { checkTraining, type LabelledFeatures, uploadFeatures } from "./labelledFeatures.js";
import { LinearClassifier, type LinearLayer, predictClasses } from "./linearClassifier.js";
import { measureStandardization, standardize } from "./standardization.js";

/** What every probe is told. */
export interface ProbeOptions {
  /** Where it is computed. */
  readonly device: Device;
  /** The pictures that the linear layer learns from. */
  readonly train: LabelledFeatures;
  /** Seed of the choice of the held-out pictures, and of an optimizer's first weights and order. Default 0. */
  readonly seed?: number;
  /** Hears of each fit or epoch: how many of how many are done. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** How a setting did on held-out training pictures. */
export interface TriedSetting {
  /** The penalty λ, or the learning rate. */
  readonly value: number;
  /** Share of the held-out pictures that were classified rightly. */
  readonly accuracy: number;
}

/** A probe that has learned. */
export interface FittedProbe {
  /** Gives classes to features; its tensors live until it is disposed. */
  readonly classifier: LinearClassifier;
  /** The setting that was chosen. */
  readonly chosen: number;
  /** Each setting on held-out training pictures; none where there was nothing to choose. */
  readonly heldOut: readonly TriedSetting[];
  /** Accuracy on the training pictures. */
  readonly trainAccuracy: number;
  /** Whether the fit came to its optimum; null for an optimizer that runs a number of epochs. */
  readonly converged: boolean | null;
  /** Whether training ran away, so that some weights are NaN or infinite. */
  readonly diverged: boolean;
}

/** Standardized features with their labels, on the device. */
export interface TrainingRows {
  /** N×D. */
  readonly features: Tensor;
  /** int32 N. */
  readonly labels: Tensor;
}

/** A layer as it was fitted. */
export interface FittedLayer extends LinearLayer {
  /** Whether the fit came to its optimum; left out by an optimizer that runs a number of epochs. */
  readonly converged?: boolean;
}

/** How a probe learns. */
export interface ProbeTraining {
  /** The settings, the one first that is chosen among equals. */
  readonly settings: readonly number[];
  /** How often `advance` is called for so many settings. */
  advances(settings: number): number;
  /** One layer for each setting. */
  fit(
    rows: TrainingRows,
    settings: readonly number[],
    classes: number,
    advance: () => void,
  ): Promise<FittedLayer[]>;
}

/** Probes with every setting, and which of them was chosen. */
export interface FittedSettings {
  /** One for each setting that was fitted on all training pictures. */
  readonly probes: readonly FittedProbe[];
  /** The place of the chosen one. */
  readonly best: number;
}

/**
 * Standardizes the features, tries each setting on held-out training pictures, and fits on all of them.
 *
 * @param what The function's name, for errors.
 * @param all Fits with every setting in the end, not only with the chosen one.
 */
export async function fitSettings(
  what: string,
  options: ProbeOptions,
  training: ProbeTraining,
  all: boolean,
): Promise<FittedSettings> {
  const { device, train, seed = 0, onProgress } = options;
  const { settings } = training;
  const { classes, rows: count } = checkTraining(what, train);
  const folds = settings.length > 1 ? heldOutFifths(train.labels, seed) : [];
  const total =
    folds.length * training.advances(settings.length) + training.advances(all ? settings.length : 1);
  let done = 0;
  const advance = () => onProgress?.(++done, total);

  const uploaded = uploadFeatures(device, train.features);
  const wrong = await nonFiniteRow(uploaded);
  if (wrong >= 0) {
    throw new RangeError(
      `${what}: train picture ${wrong} has features that are NaN or infinite. Leave it out, or look at the ` +
        "encoder's weights.",
    );
  }
  const standardization = measureStandardization(uploaded);
  if ((await nonFiniteRow(standardization.scale)) >= 0) {
    throw new RangeError(
      `${what}: the squares of the training features are beyond float32. Divide all features by the same number.`,
    );
  }
  const features = standardize(uploaded, standardization);
  uploaded.dispose();
  const labels = tensor(device, Int32Array.from(train.labels));
  const rowsOf = (chosen: Int32Array<ArrayBuffer>): TrainingRows & { readonly host: Int32Array } => {
    const host = chosen.map((row) => train.labels[row]!);
    const gathered = scope(device, () =>
      noGrad(device, () => {
        const places = tensor(device, chosen, [1, chosen.length]);
        const wide = gatherTokens(reshape(features, [1, count, features.shape[1]!]), places);
        return reshape(wide, [chosen.length, features.shape[1]!]);
      }),
    );
    return { features: gathered, labels: tensor(device, host), host };
  };

  const hits = settings.map(() => 0);
  let judgedRows = 0;
  for (const fold of folds) {
    const [learned, judged] = [rowsOf(fold.learned), rowsOf(fold.judged)];
    judgedRows += judged.host.length;
    for (const [place, layer] of (await training.fit(learned, settings, classes, advance)).entries()) {
      hits[place]! += countHits(await predictClasses(judged.features, layer), judged.host);
      disposeAll([layer.weight, layer.bias]);
    }
    disposeAll([learned.features, learned.labels, judged.features, judged.labels]);
  }
  const heldOut =
    folds.length === 0
      ? []
      : hits.map((right, place) => ({ value: settings[place]!, accuracy: right / judgedRows }));
  const chosen = hits.indexOf(Math.max(...hits));
  const fitted = all ? settings : [settings[chosen]!];
  const layers = await training.fit({ features, labels }, fitted, classes, advance);
  const probes: FittedProbe[] = [];
  for (const [place, layer] of layers.entries()) {
    const predictions = await predictClasses(features, layer);
    const { center, scale } = standardization;
    probes.push({
      classifier: new LinearClassifier({ center: center.detach(), scale: scale.detach() }, layer),
      chosen: fitted[place]!,
      heldOut,
      trainAccuracy: countHits(predictions, train.labels) / count,
      converged: layer.converged ?? null,
      diverged: predictions.includes(-1),
    });
  }
  disposeAll([features, labels, standardization.center, standardization.scale]);
  if (probes[all ? chosen : 0]!.diverged) {
    for (const { classifier } of probes) classifier.dispose();
    throw new Error(
      `${what}: training ran away with ${settings.length === 1 ? "the setting" : "the best of the settings"} ` +
        `${settings[chosen]}. Give smaller learning rates.`,
    );
  }
  return { probes, best: all ? chosen : 0 };
}

function countHits(predictions: Int32Array, labels: Int32Array): number {
  return predictions.reduce((total, label, row) => total + (label === labels[row] ? 1 : 0), 0);
}

function disposeAll(tensors: readonly Tensor[]): void {
  for (const held of tensors) held.dispose();
}
