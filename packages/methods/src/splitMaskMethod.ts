import type { Tokenizer } from "@splitmask/tokenizer";
import { encoderConfig, encoderView } from "./encoderSettings.js";
import { spreadFigures, wordFigures } from "./figureNotes.js";
import type { Method, MethodFacts } from "./method.js";
import { contradiction, type Decisions } from "./settings/decisions.js";
import type { Decided, Given } from "./settings/field.js";
import { formatCount } from "./settings/formatCount.js";
import { isSmallSet } from "./smallSets.js";
import { SplitMask } from "./splitMask.js";
import { splitMaskFields } from "./splitMaskFields.js";
import { splitMaskLooks } from "./splitMaskLooks.js";
import { decideTokenizer } from "./tokenizerDecisions.js";
import { tokenizerPreparation, tokenizerView } from "./tokenizerPreparation.js";
import { examineTokenizer } from "./tokenizerReference.js";

/** SplitMask's own settings, decided. */
export type SplitMaskSettings = Decided<typeof splitMaskFields>;

/** How patches are split, and why. */
function decideMask(
  { mask }: Given<typeof splitMaskFields>,
  { count, patches }: MethodFacts,
  decisions: Decisions,
): "block" | "uniform" {
  if (patches < 4)
    throw contradiction("imageSize and patch", `${patches} patches cannot be split; use a smaller patch`);
  const few = isSmallSet(count);
  const decided = decisions.take(
    "mask",
    mask,
    few || patches % 2 !== 0 ? "uniform" : "block",
    few
      ? `only ${formatCount(count)} pictures: ` +
          "two random quarters, each of which predicts the rest, as in the paper for its smallest sets"
      : patches % 2 === 0
        ? "the paper's default: blocks, half of the patches to each branch"
        : `${patches} patches cannot be halved, as blocks require: ` +
          "two random quarters, each of which predicts the rest",
  );
  if (decided === "block" && patches % 2 !== 0) {
    throw contradiction(
      "mask",
      `"block", but ${patches} patches cannot be halved; use "uniform", or an even number of patches a side`,
    );
  }
  return decided;
}

/** SplitMask as a row of the table of methods. */
export const splitMaskMethod: Method<typeof splitMaskFields, SplitMaskSettings, Tokenizer, SplitMask> = {
  name: "splitmask",
  title: "SplitMask",
  paper: "El-Nouby et al. 2021, arXiv 2112.10740",
  fields: splitMaskFields,
  recipe: {
    // Found on a CPU (docs/results.md): near BEiT's 1.5e-3 at batch 2,048 and width 768, scaled with the roots.
    learningRate: { value: 1e-3, batch: 128, width: 128 },
    peakToMinimum: 100,
    warmupShare: 0.05,
    weightDecay: 0.05,
    clip: 3,
    dropPath: 0,
    cropScale: 0.2,
    colorsForFew: true,
  },
  examine: examineTokenizer,
  decide(given, facts, decisions) {
    const { inpaintWeight = 1, matchWeight = 1 } = given;
    if (facts.batch < 2 && matchWeight > 0) {
      throw contradiction(
        "batch",
        `${facts.batch}, but the match loss compares pictures of one batch with each other: ` +
          "use 2 or more, or matchWeight 0",
      );
    }
    return {
      mask: decideMask(given, facts, decisions),
      ...decideTokenizer(given, facts, decisions),
      decoderDepth: given.decoderDepth ?? 2,
      temperature: given.temperature ?? 0.2,
      negatives: given.negatives ?? "other",
      inpaintWeight,
      matchWeight,
    };
  },
  views: (settings) => [encoderView(settings), { name: "tokenizer", ...tokenizerView(settings) }],
  preparation: tokenizerPreparation,
  create: (device, settings, tokenizer) =>
    new SplitMask(device, {
      encoder: encoderConfig(settings),
      tokenizer,
      decoder: { depth: settings.decoderDepth },
      split: settings.mask === "block" ? { mode: "block" } : { mode: "uniform", visible: 0.25 },
      inpaintWeight: settings.inpaintWeight,
      matchWeight: settings.matchWeight,
      temperature: settings.temperature,
      negatives: settings.negatives,
      seed: settings.seed,
    }),
  chance: ({ batch, inpaintWeight, matchWeight, vocabulary }) =>
    inpaintWeight * Math.log(vocabulary) + matchWeight * Math.log(batch),
  figures: { ...spreadFigures, ...wordFigures },
  look: (task, request) => splitMaskLooks(task, request),
};
