import { VisionTransformer, type VisionTransformerConfig } from "@splitmask/vit";
import { Classifier } from "./classifier.js";
import { classifierFields } from "./classifierFields.js";
import { type FineTuningRecipe, type FineTuningRecipeName, fineTuningRecipes } from "./fineTuningRecipes.js";
import type { LabelledMethod } from "./method.js";
import type { Decided } from "./settings/field.js";
import { formatCount } from "./settings/formatCount.js";
import { decideSupervision } from "./supervision.js";

/** What a classifier is made of. */
export interface ClassifierSettings {
  /** The encoder. */
  readonly encoder: VisionTransformerConfig;
  /** Number of classes. */
  readonly classes: number;
  /** Label smoothing of pictures that are not mixed. */
  readonly labelSmoothing: number;
  /** Standard deviation of the head's first weights. */
  readonly headDeviation: number;
  /** Draws the first weights. */
  readonly seed: number;
}

/** The classifier's own settings, decided; epochs are steps by then. */
export type DecidedClassifier = Decided<Omit<typeof classifierFields, "warmupEpochs" | "evaluateEvery">>;

/** With so many pictures a set is one of the paper's large ones; Food101, their smallest, has 75,750. */
const largeSet = 75_000;
/** Pictures that a run sees in all when neither a recipe nor a length is given. */
const picturesSeen = 400_000;
/** Pictures of a step where no recipe is given. */
const usualBatch = 128;
/** Steps that an epoch should have: few large steps learn less than many small ones. */
const fewestSteps = 4;

/** The recipe that is asked for, or the column of the paper's table 9 that fits the number of pictures. */
function recipeFor(
  asked: FineTuningRecipeName | undefined,
  count: number,
): FineTuningRecipe & { readonly name: FineTuningRecipeName } {
  const name = asked ?? (count >= largeSet ? "paper-large" : "paper-small");
  return { name, ...fineTuningRecipes[name] };
}

/**
 * What learning rates are multiplied with for another batch: linearly for a recipe that was asked for, as its authors
 * scale; else with the root, which keeps the noise of AdamW's steps (Malladi et al. 2022, arXiv 2205.10287), for
 * batches that are chosen much smaller than the recipe's.
 */
function scaleOf(batch: number, recipeBatch: number, isAsked: boolean) {
  const ratio = `${batch} / ${formatCount(recipeBatch)}`;
  return isAsked
    ? { scale: batch / recipeBatch, how: `times ${ratio}` }
    : { scale: Math.sqrt(batch / recipeBatch), how: `times √(${ratio}), which suits AdamW` };
}

/** Two significant digits more than a person reads. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

/** Fine-tuning as a row of the table of methods. */
export const classifierMethod: LabelledMethod<
  typeof classifierFields,
  DecidedClassifier,
  ClassifierSettings
> = {
  name: "classifier",
  title: "fine-tuning",
  paper: "the model of BEiT's fine-tuning: Bao et al. 2021, arXiv 2106.08254",
  fields: classifierFields,
  length({ recipe: asked }, count, decisions) {
    const { name, batch, epochs, warmupEpochs } = recipeFor(asked, count);
    const pictures = `${formatCount(count)} pictures`;
    const sets =
      count >= largeSet ? "iNaturalist and Food101" : "its small sets, Cars, Clipart, Painting and Sketch";
    const reason = `${pictures}: what the paper does for ${sets}, but for batch and length`;
    decisions.take("recipe", asked, name, reason);
    const isAsked = asked !== undefined;
    const wanted = isAsked ? batch : Math.min(usualBatch, batch);
    const largest = 2 ** Math.floor(Math.log2(Math.max(2, count / fewestSteps)));
    return {
      batch: Math.min(wanted, largest),
      batchReason:
        largest < wanted
          ? `${pictures}: the largest power of two with at least ${fewestSteps} steps per epoch`
          : isAsked
            ? `recipe ${name}`
            : `the recipe's is ${formatCount(batch)}; with smaller batches, more is learned from the same number ` +
              "of pictures",
      epochs: isAsked ? epochs : Math.min(epochs, Math.max(1, Math.round(picturesSeen / count))),
      epochsReason: (length) =>
        isAsked
          ? `recipe ${name}: ${length}`
          : `${length}; the recipe's ${epochs} are for a GPU; a longer run (--epochs, --time) learns more`,
      warmupShare: warmupEpochs / epochs,
      warmupReason: `recipe: ${warmupEpochs} of ${epochs} epochs`,
    };
  },
  decide(given, { batch, count, fromScratch }, decisions) {
    const recipe = recipeFor(given.recipe, count);
    const { scale, how } = scaleOf(batch, recipe.batch, given.recipe !== undefined);
    const reason = `recipe ${recipe.name}`;
    const learningRate = decisions.take(
      "learning rate",
      given.learningRate,
      rounded(recipe.learningRate * scale),
      scale === 1
        ? reason
        : `${reason}: ${recipe.learningRate} for ${formatCount(recipe.batch)} pictures a step, ${how}`,
      (value) => value.toExponential(1),
    );
    const layerDecay = decisions.take(
      "layer decay",
      given.layerDecay,
      recipe.layerDecay,
      fromScratch && recipe.layerDecay !== 1
        ? `${reason}, the same as for a pre-trained encoder, so that the two compare; --layer-decay 1 trains all ` +
            "layers alike"
        : reason,
    );
    const take = (name: string, field: "weightDecay" | "dropPath" | "cropRatio") =>
      decisions.take(name, given[field], recipe[field], reason);
    const weightDecay = take("weight decay", "weightDecay");
    const dropPath = take("drop path", "dropPath");
    const supervision = decideSupervision(given, recipe, reason, batch, decisions);
    const cropScale = decisions.take(
      "crop scale",
      given.cropScale,
      recipe.cropScale,
      `random resized crop of ${100 * recipe.cropScale} % to 100 % of the picture`,
    );
    const average = decisions.take("average", given.ema, recipe.ema ?? 0, reason, (value) =>
      value === 0 ? "none" : `of the weights, decay ${value}`,
    );
    const cropRatio = take("test crop", "cropRatio");
    return {
      recipe: recipe.name,
      ...supervision,
      ...{ learningRate, layerDecay, weightDecay, dropPath, cropScale, cropRatio },
      minimumLearningRate: given.minimumLearningRate ?? rounded(recipe.minimumLearningRate * scale),
      ema: average === 0 ? null : average,
      clip: given.clip ?? recipe.clip,
    };
  },
  create: (device, { classes, encoder, headDeviation, labelSmoothing: smoothing, seed }) =>
    new Classifier(device, {
      encoder: new VisionTransformer(device, { ...encoder, finalNorm: false }, { seed }),
      ...{ classes, seed, smoothing, headDeviation },
    }),
};
