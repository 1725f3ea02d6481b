import { isSmallSet } from "@splitmask/methods";
import { formatCount } from "@splitmask/methods/settings";
import type { Config } from "./config.js";
import { settle } from "./resolveCommon.js";

const none = { colorJitter: 0, grayscale: 0, blur: 0, solarize: 0 };
/** SplitMask's for its smallest sets, with MoCo v3's probabilities. */
const usual = { colorJitter: 0.8, grayscale: 0.2, blur: 0.5, solarize: 0.2 };

/**
 * Decides the color steps: some where they are asked for, or where the pictures are few and the method has them then.
 *
 * @returns The settings; they, in words; and why.
 */
export function resolveColors(given: Config, count: number, colorsForFew: boolean) {
  const augmentation = given.augmentation ?? (colorsForFew && isSmallSet(count) ? "color" : "crop");
  const steps = settle(given, augmentation === "color" ? usual : none);
  const { colorJitter: jitter, grayscale: gray, blur, solarize } = steps;
  const on = Object.entries({ jitter, gray, blur, solarize }).filter(([, probability]) => probability > 0);
  const isAsked = ["augmentation", ...Object.keys(none)].some(
    (field) => given[field as keyof Config] !== undefined,
  );
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
