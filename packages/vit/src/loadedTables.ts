import { type HostTensor, Tensor, tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";

/** Rows and columns of patches. */
type Grid = readonly [rows: number, columns: number];

/** A table whose entries belong to the places of a grid, and how one from a file is brought to the model's grid. */
export interface LoadedTable {
  /** Its name in the state dict. */
  readonly name: string;
  /** The model's own table, whose shape is wanted. */
  readonly own: Tensor;
  /** The axis of its entries. */
  readonly axis: 0 | 1;
  /** What an entry stands for, for errors. */
  readonly entries: string;
  /** How many entries belong to the class token and not to the grid. */
  readonly apart: number;
  /** How many entries a grid has, without those apart. */
  readonly countOf: (grid: Grid) => number;
  /** The side of a square grid with so many entries; a fraction where there is none. */
  readonly sideOf: (count: number) => number;
  /** Interpolates. */
  readonly resample: (table: Tensor, from: Grid) => Tensor;
}

/**
 * A table as a model of another grid loads it.
 *
 * @param given From the file.
 * @param table What the model wants.
 * @param grid The grid that it is given for. Default: the model's where the entries are as many, else a square.
 * @returns `given` itself where it needs no interpolation, or where its other sizes do not fit (loading tells of
 *   these).
 * @throws Error If its entries are not those of the grid.
 */
export function resampleLoaded(
  device: Device,
  given: HostTensor | Tensor,
  table: LoadedTable,
  [own, grid]: readonly [own: Grid, given: Grid | undefined],
): HostTensor | Tensor {
  const { axis, countOf, name } = table;
  const others = ({ shape }: { readonly shape: readonly number[] }) => shape.with(axis, 0).join();
  if (given.shape.length !== table.own.rank || others(given) !== others(table.own)) return given;
  const count = given.shape[axis]! - table.apart;
  if (count === countOf(own) && (grid === undefined || grid[0] === own[0])) return given;
  const side = table.sideOf(count);
  const from = grid ?? [side, side];
  if (countOf(from) !== count || !from.every(Number.isInteger)) {
    throw new Error(
      `VisionTransformer.loadStateDict: ${name} is ${given.shape.join("×")}: ` +
        `${count} ${table.entries}, which are no ${grid === undefined ? "square" : from.join("×")} grid. ` +
        "Pass { grid: [rows, columns] } of the model that was saved.",
    );
  }
  return table.resample(given instanceof Tensor ? given : tensor(device, given), from);
}
