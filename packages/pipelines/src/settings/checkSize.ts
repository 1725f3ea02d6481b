import { contradiction } from "@splitmask/methods/settings";
import type { Config } from "./config.js";
import type { Rung } from "./modelLadder.js";

/**
 * Checks that what is given of model, image size and patch fits together.
 *
 * @param given The fields that are given.
 * @param size The size that they lead to.
 * @throws UsageError naming what contradicts what.
 */
export function checkSize(given: Config, { width, heads, imageSize, patch }: Rung): void {
  const own = (["width", "depth", "heads"] as const).filter((field) => given[field] !== undefined);
  if (given.model !== undefined && own.length > 0) {
    throw contradiction(
      "model",
      `"${given.model}" and ${own.join(", ")} were both given; give either a name or the numbers`,
    );
  }
  if (width % heads !== 0) {
    throw contradiction(
      "width and heads",
      `${width} and ${heads}: the width must be a multiple of the heads`,
    );
  }
  if (imageSize % patch !== 0) {
    const lower = Math.max(patch, Math.floor(imageSize / patch) * patch);
    throw contradiction(
      "imageSize and patch",
      `${imageSize} and ${patch}: the image size must be a multiple of the patch; use ${lower} or ${lower + patch}`,
    );
  }
}
