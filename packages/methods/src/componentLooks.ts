import {
  add,
  affine,
  concatenate,
  divide,
  l2Normalize,
  matmul,
  mean,
  multiply,
  noGrad,
  normal,
  relu,
  reshape,
  scope,
  slice,
  sqrt,
  square,
  subtract,
  sum,
  type Tensor,
  tanh,
  zeros,
} from "@splitmask/autograd";
import type { VisionTransformer } from "@splitmask/vit";
import type { LookRequest, Looks } from "./looks.js";
import type { CommonSettings } from "./method.js";

/** One for each of red, green and blue. */
const shownComponents = 3;
/** Steps of the power iteration for each component. */
const iterations = 60;

/** Components of patches' tokens. */
interface Components {
  /** B×N×3: the coordinate of each patch along each component, in standard deviations. */
  readonly places: Tensor;
  /** B: the share of the variance of a picture's tokens that lies along them. */
  readonly share: Tensor;
}

/**
 * The first principal components of some pictures' tokens, all patches together, by power iteration: similar patches
 * get similar coordinates, whatever picture they are from.
 *
 * @param tokens B×N×D.
 */
function principalComponents(tokens: Tensor): Components {
  const [pictures, patches, width] = tokens.shape as readonly [number, number, number];
  const centered = subtract(tokens, mean(tokens, { axes: [0, 1], keepDimensions: true }));
  const rows = reshape(centered, [pictures * patches, width]);
  let rest = matmul(rows, rows, { transposeA: true, alpha: 1 / rows.shape[0]! });
  const directions = Array.from({ length: shownComponents }, (_, index) => {
    const key = { seed: 0, purpose: "components", step: index };
    let direction = l2Normalize(normal(tokens.device, [1, width], { key }));
    for (let count = 0; count < iterations; count++) direction = l2Normalize(matmul(direction, rest));
    const variance = matmul(matmul(direction, rest), direction, { transposeB: true });
    rest = subtract(rest, multiply(matmul(direction, direction, { transposeA: true }), variance));
    return direction;
  });
  const along = matmul(rows, concatenate(directions, 0), { transposeB: true });
  // Tokens that are all the same have no direction, and no variance.
  const deviation = affine(sqrt(mean(square(along), { axes: [0], keepDimensions: true })), 1, 1e-12);
  const explained = sum(square(reshape(along, [pictures, patches * shownComponents])), { axes: [1] });
  const whole = affine(sum(square(centered), { axes: [1, 2] }), 1, 1e-12);
  const over = relu(affine(divide(explained, whole), 1, -1));
  return {
    places: reshape(divide(along, deviation), [pictures, patches, shownComponents]),
    // Rounding may take it above 1.
    share: subtract(divide(explained, whole), over),
  };
}

/** Components of patches' tokens, drawn. */
export interface DrawnComponents {
  /** B×N×3P²: patches of one color each, in [−1, 1]: alike where the tokens are. */
  readonly patches: Tensor;
  /** B: the share of the variance of a picture's tokens that lies along the components. */
  readonly share: Tensor;
}

/**
 * The first three principal components of some pictures' tokens, drawn as red, green and blue.
 *
 * @param tokens B×N×D.
 * @param patchSize P, the side of a patch in pixels.
 */
export function drawnComponents(tokens: Tensor, patchSize: number): DrawnComponents {
  const { device } = tokens;
  return noGrad(device, () =>
    scope(device, () => {
      const { places, share } = principalComponents(tokens);
      const [pictures, count] = places.shape as readonly [number, number];
      const colors = reshape(tanh(places), [pictures, count, shownComponents, 1]);
      const pixels = add(colors, zeros(device, [pictures, count, shownComponents, patchSize ** 2]));
      return { patches: reshape(pixels, [pictures, count, shownComponents * patchSize ** 2]), share };
    }),
  );
}

/**
 * What a report shows of a method that compares pictures as a whole: the principal components of its encoder's tokens.
 *
 * @param encoder What was trained.
 * @param request The pictures; the encoder's view is the first.
 */
export function componentLooks(encoder: VisionTransformer, { batch }: LookRequest<CommonSettings>): Looks {
  const images = batch.views[0]!;
  const { device } = images;
  const tokens = noGrad(device, () =>
    scope(device, () => {
      const all = encoder.encode(images, { pooling: "none" });
      return encoder.prefixTokens === 0 ? all : slice(all, 1, encoder.prefixTokens);
    }),
  );
  const { patches, share } = drawnComponents(tokens, encoder.config.patchSize);
  return {
    title: "What patches have in common",
    lead:
      "The first three principal components of the encoder's outputs at the patches of all shown pictures, " +
      "drawn as red, green and blue: patches of one color are alike to the encoder.",
    note: "“Explained” is the share of the variance of a picture's outputs that lies along these three directions.",
    panels: [{ caption: "components", patches, places: null, share: { name: "explained", values: share } }],
    words: null,
  };
}
