import type { Tensor } from "@splitmask/autograd";
import type { VisionTransformer } from "@splitmask/vit";
import type { MethodFacts } from "./method.js";
import { contradiction, type Decisions } from "./settings/decisions.js";

/**
 * Decides the side of local crops, and notes number and size of all crops.
 *
 * @param given The settings that are given.
 * @param paper How many local crops the paper has, and their side as a share of the global crops'.
 * @returns The side in pixels, a multiple of the patch.
 * @throws UsageError If the given side is not a multiple of the patch.
 */
export function decideLocalSize(
  given: { readonly localCrops?: number | undefined; readonly localSize?: number | undefined },
  paper: { readonly localCrops: number; readonly share: number },
  { imageSize, patch }: Pick<MethodFacts, "imageSize" | "patch">,
  decisions: Decisions,
): number {
  const wholePatches = (side: number) => Math.max(1, Math.round(side / patch)) * patch;
  const { localCrops, localSize = wholePatches(paper.share * imageSize) } = given;
  if (localSize % patch !== 0) {
    throw contradiction(
      "localSize",
      `${localSize} is no multiple of the patch, ${patch}; use e.g. ${wholePatches(localSize)}`,
    );
  }
  decisions.note(
    "crops",
    `2 of ${imageSize} pixels, ${localCrops ?? paper.localCrops} of ${localSize}`,
    localCrops === undefined && given.localSize === undefined ? "as in the paper, in whole patches" : "given",
  );
  return localSize;
}

/**
 * Checks the views of a batch: two of the encoder's picture size, and others that all have one size in whole patches.
 *
 * @param what Name of the task, for errors.
 * @param most Largest number of views. Default: any.
 * @throws TypeError naming the view that does not fit.
 */
export function checkJointViews(
  what: string,
  views: readonly Tensor[],
  { config }: VisionTransformer,
  most = Number.POSITIVE_INFINITY,
): void {
  const { channels, imageSize, patchSize } = config;
  const pictures = views[0]?.shape[0];
  const size = [pictures, channels, ...imageSize].join("×");
  if (views.length < 2 || views.length > most) {
    throw new TypeError(
      `${what}: a batch has ${views.length} views; expected two of ${size}` +
        `${most === 2 ? "" : ", and any number of smaller ones"}.`,
    );
  }
  const local = views[2]?.shape;
  const isWhole = local?.slice(2).every((side) => side % patchSize === 0) ?? true;
  for (const [index, { shape }] of views.entries()) {
    const expected = index < 2 ? size : [pictures, channels, ...local!.slice(2)].join("×");
    if (shape.join("×") === expected && (index < 2 || isWhole)) continue;
    throw new TypeError(
      `${what}: views[${index}] is ${shape.join("×")}; expected ` +
        (index < 2
          ? `${expected}, the encoder's picture size.`
          : `${expected}, in whole patches of ${patchSize}.`),
    );
  }
}
