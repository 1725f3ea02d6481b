// What the steps of jax-js and tfjs have alike: the sizes, and the layers of a block.

/** Patches on a side, patches of a picture, patches that a branch sees, and rows of a batch of both branches. */
export function sizesOf({ imageSize, patchSize, batch }) {
  const grid = imageSize / patchSize;
  const places = grid ** 2;
  return { grid, places, half: places / 2, rows: 2 * batch };
}

/**
 * The parameters of a transformer block.
 *
 * @param {number} width
 * @param {() => object} normOf
 * @param {(inputs: number, outputs: number) => object} linearOf
 */
export function blockParameters(width, normOf, linearOf) {
  return {
    norm1: normOf(),
    qkv: linearOf(width, 3 * width),
    proj: linearOf(width, width),
    norm2: normOf(),
    fc1: linearOf(width, 4 * width),
    fc2: linearOf(4 * width, width),
  };
}

/**
 * One-hot rows of every second place, starting at `offset` (0 or 1) in the first branch and at the other in the second:
 * rows×half×places.
 */
export function everySecondPlace(model, offset) {
  const { places, half, rows } = sizesOf(model);
  const values = new Float32Array(rows * half * places);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < half; i++) {
      values[(row * half + i) * places + 2 * i + (row < model.batch ? offset : 1 - offset)] = 1;
    }
  }
  return values;
}
