import type { Tensor } from "@splitmask/autograd";
import type { VisionTransformer } from "@splitmask/vit";

/**
 * Checks the views of a batch: two of the encoder's size, and others of one smaller size in whole patches.
 *
 * @param most How many views there may be in all. Default: any number.
 * @throws TypeError That says which view does not fit.
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
