import { permute, reshape, type Tensor } from "@splitmask/autograd";

/**
 * Cuts pictures in square patches: B×C×H×W → B×N×(C·P²), N = (H/P)·(W/P) row by row; a patch reads channel, row,
 * column, like the weights of a convolution.
 *
 * @throws RangeError If H or W is not a multiple of the patch size.
 */
export function patchify(pixels: Tensor, patchSize: number): Tensor {
  const [batch, channels, height, width] = pixels.shape;
  if (
    width === undefined ||
    pixels.rank !== 4 ||
    !Number.isInteger(patchSize) ||
    patchSize < 1 ||
    height! % patchSize !== 0 ||
    width % patchSize !== 0
  ) {
    throw new RangeError(
      `patchify: pixels is ${pixels.shape.join("×")} and patchSize is ${patchSize}; ` +
        "expected B×C×H×W with H and W multiples of the patch size.",
    );
  }
  const rows = height! / patchSize;
  const columns = width / patchSize;
  const blocks = reshape(pixels, [batch!, channels!, rows, patchSize, columns, patchSize]);
  return reshape(permute(blocks, [0, 2, 4, 1, 3, 5]), [
    batch!,
    rows * columns,
    channels! * patchSize * patchSize,
  ]);
}
