import { isSmallSet, type Recipe } from "@splitmask/methods";
import { contradiction, formatCount } from "@splitmask/methods/settings";
import type { Config } from "./config.js";
import { settle } from "./resolveCommon.js";

const none = { colorJitter: 0, grayscale: 0, blur: 0, solarize: 0 };
/** SplitMask's for its smallest sets, with MoCo v3's probabilities. */
const usual = { colorJitter: 0.8, grayscale: 0.2, blur: 0.5, solarize: 0.2 };

/**
 * Decides the color steps: some where they are asked for, or where the pictures are few and the method has them then.
 *
 * @returns The settings; they, in words; and why.
 * @throws UsageError where some are given and the method's views have a color augmentation of their own.
 */
export function resolveColors(
  given: Config,
  count: number,
  { colorsForFew, ownColors }: Pick<Recipe, "colorsForFew" | "ownColors">,
) {
  const asked = (["augmentation", "jitterStrength", ...Object.keys(none)] as (keyof Config)[]).filter(
    (field) => given[field] !== undefined,
  );
  if (ownColors !== undefined) {
    if (asked.length > 0)
      throw contradiction(
        asked.join(" and "),
        `the method has its own for each view (${ownColors}); leave it out`,
      );
    return {
      settings: { ...none, jitterStrength: 1 },
      text: ownColors,
      reason: "the method's own, view by view",
    };
  }
  const augmentation = given.augmentation ?? (colorsForFew && isSmallSet(count) ? "color" : "crop");
  const steps = settle(given, augmentation === "color" ? usual : none);
  const { colorJitter: jitter, grayscale: gray, blur, solarize } = steps;
  const on = Object.entries({ jitter, gray, blur, solarize }).filter(([, probability]) => probability > 0);
  const isAsked = asked.some((field) => field !== "jitterStrength");
  const forFew = "; for the smallest sets it has --augmentation color";
  return {
    settings: { ...steps, jitterStrength: given.jitterStrength ?? 1 },
    text:
      on.length === 0 ? "unchanged" : on.map(([name, probability]) => `${name} ${probability}`).join(", "),
    reason: isAsked
      ? "given"
      : on.length > 0
        ? `only ${formatCount(count)} pictures: the paper's choice for its smallest sets`
        : `the method's recipe has crop and flip only${colorsForFew ? forFew : ""}`,
  };
}
