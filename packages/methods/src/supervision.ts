import { type Augmentation, supervisedAugmentation } from "@splitmask/augmentation";
import type { FineTuningRecipe } from "./fineTuningRecipes.js";
import type { CommonSettings } from "./method.js";
import { contradiction, type Decisions } from "./settings/decisions.js";
import type { Given } from "./settings/field.js";
import type { SupervisionSettings, supervisionFields } from "./supervisionFields.js";

/**
 * Decides how targets are smoothed and mixed, and pictures augmented: as given, else by a recipe.
 *
 * @param given The settings that are given.
 * @param recipe What is taken for the others.
 * @param reason Why: "recipe deit".
 * @param batch Pictures a step.
 * @param decisions Receives the decisions with their reasons.
 * @throws UsageError where pictures of a batch of an odd number are to be mixed.
 */
export function decideSupervision(
  given: Given<typeof supervisionFields>,
  recipe: FineTuningRecipe,
  reason: string,
  batch: number,
  decisions: Decisions,
): SupervisionSettings {
  const take = (name: string, field: "labelSmoothing" | "mixup" | "cutmix" | "erasing") =>
    decisions.take(name, given[field], recipe[field], reason);
  const labelSmoothing = take("label smoothing", "labelSmoothing");
  const mixup = take("mixup", "mixup");
  const cutmix = take("CutMix", "cutmix");
  if (mixup + cutmix > 0 && batch % 2 !== 0) {
    throw contradiction(
      "batch",
      `${batch}, but mixup and CutMix mix picture i with picture ${batch} − 1 − i: use an even batch, or ` +
        "mixup 0 and cutmix 0",
    );
  }
  const { magnitude = recipe.magnitude, magnitudeStd = recipe.magnitudeStd } = given;
  decisions.note(
    "RandAugment",
    magnitude === 0 ? "none" : `magnitude ${magnitude} ± ${magnitudeStd}`,
    given.magnitude !== undefined || given.magnitudeStd !== undefined ? "given" : reason,
  );
  const jitter = decisions.take(
    "color jitter",
    given.jitter,
    magnitude === 0 ? recipe.colorJitter : 0,
    magnitude === 0
      ? reason
      : `the recipe's ${recipe.colorJitter} is for training without RandAugment, as timm has it`,
  );
  const erasing = take("erasing", "erasing");
  const repeats = decisions.take(
    "repeats",
    given.repeats,
    recipe.repeats,
    `${reason}: repeated augmentation`,
  );
  const headDeviation = given.headDeviation ?? recipe.headDeviation;
  return { labelSmoothing, mixup, cutmix, magnitude, magnitudeStd, jitter, erasing, repeats, headDeviation };
}

/** What training with labels does to each picture. */
export function labelledAugmentation(
  settings: Pick<SupervisionSettings, "magnitude" | "magnitudeStd" | "jitter" | "erasing"> &
    Pick<CommonSettings, "cropScale" | "flip" | "mean">,
): Augmentation {
  const { cropScale, erasing, flip: horizontalFlip, jitter: colorJitter } = settings;
  const { magnitude, magnitudeStd, mean } = settings;
  return supervisedAugmentation({
    ...{ mean, cropScale, horizontalFlip, magnitude, magnitudeStd, colorJitter, erasing },
  });
}
