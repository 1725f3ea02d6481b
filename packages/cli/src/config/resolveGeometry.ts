import type { Config } from "./config.js";
import { contradiction, type Decisions } from "./decisions.js";
import type { PictureFacts } from "./facts.js";

/**
 * Decides how large the crop and a patch are.
 *
 * @throws UsageError where the image size is no multiple of the patch.
 */
export function resolveGeometry(
  given: Config,
  facts: PictureFacts,
  decisions: Decisions,
): { imageSize: number; patch: number } {
  const side = Math.round(facts.shortSide);
  const chosenSize =
    given.patch !== undefined && given.imageSize === undefined ? 8 * given.patch : side < 48 ? 32 : 64;
  const imageSize = given.imageSize ?? chosenSize;
  const sizeReason =
    given.patch !== undefined
      ? "8 patches of the given size a side"
      : side < 48
        ? `the pictures' shorter side is ${side} pixels`
        : `the pictures' shorter side is ${side} pixels; 64 learns fast on a CPU`;
  decisions.note("image size", String(imageSize), given.imageSize !== undefined ? "given" : sizeReason);
  const patch = given.patch ?? choosePatch(imageSize);
  decisions.note(
    "patch",
    String(patch),
    given.patch !== undefined
      ? "given"
      : `${imageSize / patch}×${imageSize / patch} = ${(imageSize / patch) ** 2} patches a picture`,
  );
  if (imageSize % patch !== 0) {
    const lower = Math.max(patch, Math.floor(imageSize / patch) * patch);
    throw contradiction(
      "imageSize and patch",
      `${imageSize} and ${patch}: the image size must be a multiple of the patch; use ${lower} or ${lower + patch}`,
    );
  }
  return { imageSize, patch };
}

/** The patch that gives about 8 × 8 patches up to 128 pixels, and about 14 × 14 above. */
function choosePatch(imageSize: number): number {
  const wanted = imageSize <= 128 ? imageSize / 8 : imageSize / 14;
  let best = imageSize;
  for (let patch = 2; patch <= imageSize / 2; patch++) {
    if (imageSize % patch === 0 && Math.abs(patch - wanted) < Math.abs(best - wanted)) best = patch;
  }
  return best;
}
