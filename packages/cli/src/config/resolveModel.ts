import type { Config } from "./config.js";
import { contradiction, type Decisions } from "./decisions.js";
import type { PictureFacts } from "./facts.js";

const namedModels = {
  tiny: { width: 192, depth: 12, heads: 3 },
  small: { width: 384, depth: 12, heads: 6 },
  base: { width: 768, depth: 12, heads: 12 },
} as const;

/**
 * Decides the encoder's size.
 *
 * @throws UsageError where a name and numbers are given, or the width is no multiple of the heads.
 */
export function resolveModel(
  given: Config,
  facts: PictureFacts,
  decisions: Decisions,
): { width: number; depth: number; heads: number } {
  const own = (["width", "depth", "heads"] as const).filter((field) => given[field] !== undefined);
  if (given.model !== undefined && own.length > 0) {
    throw contradiction(
      "model",
      `"${given.model}" and ${own.join(", ")} were both given; give either a name or the numbers`,
    );
  }
  const small = facts.count < 50_000;
  const chosen =
    given.model !== undefined
      ? namedModels[given.model]
      : small
        ? { width: 128, depth: 6, heads: 4 }
        : namedModels.tiny;
  const width = given.width ?? chosen.width;
  const model = { width, depth: given.depth ?? chosen.depth, heads: given.heads ?? headsFor(width, chosen) };
  if (model.width % model.heads !== 0) {
    throw contradiction(
      "width and heads",
      `${model.width} and ${model.heads}: the width must be a multiple of the heads`,
    );
  }
  decisions.note(
    "model",
    `${given.model ? `${given.model}, ` : ""}width ${model.width}, depth ${model.depth}, ${model.heads} heads`,
    given.model !== undefined || own.length > 0
      ? "given"
      : `${facts.count.toLocaleString("en")} pictures: ${small ? "a small encoder that learns quickly on a CPU" : "enough for ViT-tiny"}`,
  );
  return model;
}

/** Heads of about 32 to 64 channels that divide the width. */
function headsFor(width: number, chosen: { width: number; heads: number }): number {
  if (width === chosen.width) return chosen.heads;
  for (const channels of [64, 32, 48, 16, 8])
    if (width % channels === 0 && width / channels >= 2) return width / channels;
  return 1;
}
