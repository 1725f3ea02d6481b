import type { MethodFacts } from "./method.js";
import type { Decisions } from "./settings/decisions.js";
import type { Given } from "./settings/field.js";
import type { tokenizerFields } from "./tokenizerFields.js";
import type { TokenizerSettings } from "./tokenizerPreparation.js";

/**
 * Decides where the visual words come from.
 *
 * @param given The fields that are given; see `examineTokenizer`.
 * @param facts The size of the encoder's patches.
 * @param decisions Receives tokenizer and vocabulary.
 */
export function decideTokenizer(
  given: Given<typeof tokenizerFields>,
  { patch }: Pick<MethodFacts, "patch">,
  decisions: Decisions,
): TokenizerSettings {
  const tokenizer = decisions.take(
    "tokenizer",
    given.tokenizer,
    "random-projection",
    "SplitMask's default: as good as the others in the paper, and needs no fitting",
  );
  const vocabulary = decisions.take("vocabulary", given.vocabulary, 8192, "as in BEiT and SplitMask");
  return {
    tokenizer,
    vocabulary,
    tokenizerPatch: given.tokenizerPatch ?? Math.min(8, patch),
    tokenizerPatches: given.tokenizerPatches ?? Math.max(100_000, 12 * vocabulary),
  };
}
