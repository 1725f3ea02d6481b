import type { Decisions } from "@splitmask/methods/settings";
import type { Config } from "./config.js";
import type { PictureFacts } from "./facts.js";
import { formatCount } from "./quantities.js";
import type { ResolvedConfig } from "./resolvedConfig.js";
import { isSmallSet } from "./resolveMask.js";

/**
 * Decides the colour steps: the paper's, with MoCo v3's probabilities, where they are asked for or the pictures are few, else none.
 *
 * @param given The fields that are given.
 * @param pictures How many there are.
 * @param decisions Receives the decision.
 */
export function resolveColors(
  given: Config,
  pictures: PictureFacts,
  decisions: Decisions,
): Pick<ResolvedConfig, "colorJitter" | "jitterStrength" | "grayscale" | "blur" | "solarize"> {
  const augmentation = given.augmentation ?? (isSmallSet(pictures) ? "color" : "crop");
  const usual = augmentation === "color" ? [0.8, 0.2, 0.5, 0.2] : [0, 0, 0, 0];
  const [colorJitter = 0, grayscale = 0, blur = 0, solarize = 0] = (
    ["colorJitter", "grayscale", "blur", "solarize"] as const
  ).map((field, place) => given[field] ?? usual[place]!);
  const asked = (["augmentation", "colorJitter", "grayscale", "blur", "solarize"] as const).some(
    (field) => given[field] !== undefined,
  );
  const steps = Object.entries({ jitter: colorJitter, grey: grayscale, blur, solarise: solarize });
  const on = steps.filter(([, probability]) => probability > 0);
  decisions.note(
    "colours",
    on.length === 0 ? "kept" : on.map(([name, probability]) => `${name} ${probability}`).join(", "),
    asked
      ? "given"
      : on.length > 0
        ? `only ${formatCount(pictures.count)} pictures: the paper's choice for its smallest sets`
        : "the paper's default is crop and flip only; --augmentation color is its choice for the smallest sets",
  );
  return { colorJitter, jitterStrength: given.jitterStrength ?? 1, grayscale, blur, solarize };
}
