import {
  add,
  concatenate,
  empty,
  matmul,
  permute,
  reshape,
  slice,
  type Tensor,
  tensor,
  zeros,
} from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { Parameter } from "@splitmask/nn";

/**
 * Positions for another grid: bicubic, antialiased interpolation along rows and columns (the same numbers as timm's
 * `resample_abs_pos_embed`), as two
 * matrix products, so that gradients reach the table.
 *
 * @param positions 1×(prefix + rows·columns)×D.
 * @param from [rows, columns] of the table.
 * @param to [rows, columns] wanted.
 * @param prefix Leading entries that belong to no place (the class token's) and stay as they are. Default 0.
 * @returns 1×(prefix + rows·columns)×D.
 */
export function resamplePositions(
  positions: Tensor,
  from: readonly [rows: number, columns: number],
  to: readonly [rows: number, columns: number],
  prefix = 0,
): Tensor {
  const [, count = 0, width = 0] = positions.shape;
  const [fromRows, fromColumns] = from;
  const [toRows, toColumns] = to;
  if (positions.shape.length !== 3 || positions.shape[0] !== 1 || count !== prefix + fromRows * fromColumns) {
    throw new RangeError(
      `resamplePositions: positions are ${positions.shape.join("×")}; ` +
        `expected 1×${prefix + fromRows * fromColumns}×D for a grid of ${fromRows}×${fromColumns} and ` +
        `${prefix} leading token(s).`,
    );
  }
  if (fromRows === toRows && fromColumns === toColumns) return reshape(positions, positions.shape);
  const places = prefix === 0 ? positions : slice(positions, 1, prefix, count);
  const alongRows = matmul(
    interpolationMatrix(positions, toRows, fromRows),
    reshape(places, [fromRows, fromColumns * width]),
  );
  const columnsFirst = permute(reshape(alongRows, [toRows, fromColumns, width]), [1, 0, 2]);
  const alongColumns = matmul(
    interpolationMatrix(positions, toColumns, fromColumns),
    reshape(columnsFirst, [fromColumns, toRows * width]),
  );
  const rowsFirst = permute(reshape(alongColumns, [toColumns, toRows, width]), [1, 0, 2]);
  const resampled = reshape(rowsFirst, [1, toRows * toColumns, width]);
  return prefix === 0 ? resampled : concatenate([slice(positions, 1, 0, prefix), resampled], 1);
}

/** outputSize×inputSize, in the dtype of `like`. */
function interpolationMatrix(like: Tensor, outputSize: number, inputSize: number): Tensor {
  const dtype = like.dtype as "float32" | "float64";
  const matrix = empty(like.device, [outputSize, inputSize], dtype);
  like.device.run("interpolationMatrix", dtype, { output: matrix, outputSize, inputSize, antialias: 1 });
  return matrix;
}

/**
 * Fixed sine-cosine positions of a grid: half of the width encodes the column, half the row, each as D/4 sines and D/4
 * cosines with frequencies 10000^(−i/(D/4)).
 *
 * @param width D, a multiple of 4.
 * @param firstHalf What the first half encodes: the `"column"` in MAE (default), the `"row"` in MoCo v3.
 * @returns 1×(rows·columns)×D.
 */
export function sineCosinePositions(
  device: Device,
  grid: readonly [rows: number, columns: number],
  width: number,
  firstHalf: "column" | "row" = "column",
): Tensor {
  const [rows, columns] = grid;
  const half = width / 2;
  const blank = zeros(device, [rows, columns, half]);
  const byColumn = add(blank, reshape(axisTable(device, columns, half), [1, columns, half]));
  const byRow = add(blank, reshape(axisTable(device, rows, half), [rows, 1, half]));
  const halves = firstHalf === "column" ? [byColumn, byRow] : [byRow, byColumn];
  return reshape(concatenate(halves, 2), [1, rows * columns, width]);
}

/**
 * `sineCosinePositions` as a parameter of a model that is saved and loaded with it, but not trained, as in MAE's and
 * MoCo v3's code.
 *
 * @param options `firstHalf` as above; `prefix`: leading entries of zeros, for a class token. Default 0.
 * @returns 1×(prefix + rows·columns)×D.
 */
export function fixedPositions(
  device: Device,
  grid: readonly [rows: number, columns: number],
  width: number,
  options: { readonly firstHalf?: "column" | "row"; readonly prefix?: number } = {},
): Parameter {
  const { firstHalf, prefix = 0 } = options;
  const table = Parameter.begin(device, () => {
    const places = sineCosinePositions(device, grid, width, firstHalf);
    return prefix === 0 ? places : concatenate([zeros(device, [1, prefix, width]), places], 1);
  });
  table.requiresGrad = false;
  return table;
}

/** size×half; a plan of a few hundred angles, made once on the host. */
function axisTable(device: Device, size: number, half: number): Tensor {
  const frequencies = Array.from({ length: half / 2 }, (_, i) => 10000 ** (-i / (half / 2)));
  const rows = Array.from({ length: size }, (_, place) => [
    ...frequencies.map((frequency) => Math.sin(place * frequency)),
    ...frequencies.map((frequency) => Math.cos(place * frequency)),
  ]);
  return tensor(device, rows);
}
