import { isSmallSet } from "@splitmask/methods";
import { formatCount } from "@splitmask/methods/settings";
import type { Config } from "./config.js";
import type { PictureFacts } from "./facts.js";
import type { PretrainingSettings } from "./runSettings.js";

/** What was decided of the color steps. */
export interface ColorDecision {
  /** The settings. */
  readonly settings: Pick<
    PretrainingSettings,
    "colorJitter" | "jitterStrength" | "grayscale" | "blur" | "solarize"
  >;
  /** They, in words. */
  readonly text: string;
  /** Why. */
  readonly reason: string;
}

/**
 * Decides the color steps: those of SplitMask's paper for its smallest sets, with MoCo v3's probabilities, where they
 * are asked for, or the pictures are few and the method has them then; else none.
 *
 * @param given The fields that are given.
 * @param pictures How many there are.
 * @param colorsForFew Whether the method has color steps for small sets.
 */
export function resolveColors(given: Config, pictures: PictureFacts, colorsForFew: boolean): ColorDecision {
  const augmentation = given.augmentation ?? (colorsForFew && isSmallSet(pictures.count) ? "color" : "crop");
  const usual = augmentation === "color" ? [0.8, 0.2, 0.5, 0.2] : [0, 0, 0, 0];
  const [colorJitter = 0, grayscale = 0, blur = 0, solarize = 0] = (
    ["colorJitter", "grayscale", "blur", "solarize"] as const
  ).map((field, place) => given[field] ?? usual[place]!);
  const asked = (["augmentation", "colorJitter", "grayscale", "blur", "solarize"] as const).some(
    (field) => given[field] !== undefined,
  );
  const steps = Object.entries({ jitter: colorJitter, gray: grayscale, blur, solarize });
  const on = steps.filter(([, probability]) => probability > 0);
  return {
    settings: { colorJitter, jitterStrength: given.jitterStrength ?? 1, grayscale, blur, solarize },
    text:
      on.length === 0 ? "unchanged" : on.map(([name, probability]) => `${name} ${probability}`).join(", "),
    reason: asked
      ? "given"
      : on.length > 0
        ? `only ${formatCount(pictures.count)} pictures: the paper's choice for its smallest sets`
        : `the method's recipe has crop and flip only${colorsForFew ? "; for the smallest sets it has --augmentation color" : ""}`,
  };
}
