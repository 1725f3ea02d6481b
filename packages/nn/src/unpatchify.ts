import { permute, reshape, type Tensor } from "@splitmask/autograd";

/**
 * Puts pictures together again, the inverse of `patchify`: B×N×(C·P²) → B×C×(rows·P)×(columns·P), N = rows·columns.
 *
 * @param patches Row by row; a patch reads channel, row, column.
 * @param grid [rows, columns] of patches.
 * @param patchSize P.
 * @throws RangeError If there are not rows·columns patches of whole channels.
 */
export function unpatchify(
  patches: Tensor,
  grid: readonly [rows: number, columns: number],
  patchSize: number,
): Tensor {
  const [batch, count, width] = patches.shape;
  const [rows, columns] = grid;
  const channels = (width ?? 0) / patchSize ** 2;
  if (patches.rank !== 3 || count !== rows * columns || !Number.isInteger(channels) || channels < 1) {
    throw new RangeError(
      `unpatchify: patches are ${patches.shape.join("×")}; expected B×${rows * columns}×(C·${patchSize}²) ` +
        `for a grid of ${rows}×${columns} patches of ${patchSize}×${patchSize} pixels.`,
    );
  }
  const blocks = reshape(patches, [batch!, rows, columns, channels, patchSize, patchSize]);
  return reshape(permute(blocks, [0, 3, 1, 4, 2, 5]), [
    batch!,
    channels,
    rows * patchSize,
    columns * patchSize,
  ]);
}
