import {
  concatenate,
  full,
  gatherTokens,
  keep,
  permute,
  reshape,
  slice,
  type Tensor,
  tensor,
} from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { Module, Parameter, zerosInitializer } from "@splitmask/nn";
import { resamplePositions } from "./positions.js";

/** Rows and columns of patches. */
type Grid = readonly [rows: number, columns: number];

/** Where the class token stands among the tokens, if there is one. */
type ClassTokenPlace = "first" | "last" | "none";

/** What a `RelativePositionBias` takes. */
export interface RelativePositionBiasOptions {
  /** Rows and columns of patches. */
  readonly grid: Grid;
  /** H, the attention heads. */
  readonly heads: number;
  /** Whether a class token stands before the patches. */
  readonly classToken: boolean;
}

/** Rows of the table that belong to the class token: it looks at a patch, a patch looks at it, it looks at itself. */
export const classTokenRows = 3;

/** How many distances two patches of a grid can have. */
export function distancesOf([rows, columns]: Grid): number {
  return (2 * rows - 1) * (2 * columns - 1);
}

/**
 * Which row of the table belongs to each pair of tokens, in the order of BEiT's and timm's code: for two patches
 * (Δrow + rows − 1)·(2·columns − 1) + Δcolumn + columns − 1, Δ from the one that is looked at to the one that looks.
 *
 * @param grid Rows and columns of patches.
 * @param classToken Where the class token stands. `"first"` is timm's order.
 * @returns M·M row numbers, row-major (token that looks, token that is looked at); M = N, or 1 + N with a class token.
 */
export function relativePositionIndex(grid: Grid, classToken: ClassTokenPlace): Int32Array<ArrayBuffer> {
  const [rows, columns] = grid;
  const patches = rows * columns;
  const tokens = patches + (classToken === "none" ? 0 : 1);
  const distances = distancesOf(grid);
  const patchOf = (token: number) => (classToken === "first" ? token - 1 : token);
  const isPatch = (patch: number) => patch >= 0 && patch < patches;
  return Int32Array.from({ length: tokens * tokens }, (_, pair) => {
    const from = patchOf(Math.floor(pair / tokens));
    const to = patchOf(pair % tokens);
    if (!isPatch(from)) return distances + (isPatch(to) ? 0 : 2);
    if (!isPatch(to)) return distances + 1;
    const down = Math.floor(from / columns) - Math.floor(to / columns);
    const right = (from % columns) - (to % columns);
    return (down + rows - 1) * (2 * columns - 1) + right + columns - 1;
  });
}

/**
 * A table for another grid: its distances between patches are interpolated like positions (bicubic, antialiased), the
 * class token's rows stay. BEiT's code interpolates on a grid that is denser near 0, with SciPy.
 *
 * @param table T×H.
 * @param from Rows and columns of patches that the table is for.
 * @param to Those wanted.
 * @returns T′×H.
 * @throws RangeError If the table does not belong to the grid.
 */
export function resampleRelativePositions(table: Tensor, from: Grid, to: Grid): Tensor {
  const [count = 0, heads = 0] = table.shape;
  const distances = distancesOf(from);
  const rest = count - distances;
  if (table.rank !== 2 || (rest !== 0 && rest !== classTokenRows)) {
    throw new RangeError(
      `resampleRelativePositions: the table is ${table.shape.join("×")}; expected ${distances}×heads for a ` +
        `grid of ${from.join("×")} patches, or ${distances + classTokenRows}×heads with a class token.`,
    );
  }
  const extents = ([rows, columns]: Grid): Grid => [2 * rows - 1, 2 * columns - 1];
  const patches = reshape(slice(table, 0, 0, distances), [1, distances, heads]);
  const resampled = reshape(resamplePositions(patches, extents(from), extents(to)), [distancesOf(to), heads]);
  return rest === 0 ? resampled : concatenate([resampled, slice(table, 0, distances)], 0);
}

/**
 * A learned number for each head and each distance between two patches, added to the scores of an attention (BEiT's
 * code, after Raffel et al. 2020). Parameter under timm's name: `relative_position_bias_table`
 * (2·rows − 1)·(2·columns − 1)×H, with a class token three rows more; it begins at 0.
 */
export class RelativePositionBias extends Module {
  /** T×H. */
  readonly relative_position_bias_table: Parameter;
  readonly #device: Device;
  readonly #options: RelativePositionBiasOptions;
  /** Index tensors by grid and order: they are needed again in every step. */
  readonly #indices = new Map<string, Tensor>();

  /** A table of zeros. */
  constructor(device: Device, options: RelativePositionBiasOptions) {
    super();
    const { grid, heads, classToken } = options;
    const rows = distancesOf(grid) + (classToken ? classTokenRows : 0);
    this.#device = device;
    this.#options = options;
    this.relative_position_bias_table = Parameter.begin(device, () =>
      zerosInitializer(device, [rows, heads], { seed: 0, purpose: "" }),
    );
  }

  /**
   * The bias among all tokens of a picture.
   *
   * @param grid Rows and columns of patches; for another grid than the table's it is interpolated. Default the table's.
   * @returns H×M×M, M = N, or 1 + N with a class token, which goes first.
   */
  forward(grid: Grid = this.#options.grid): Tensor {
    const { grid: own, classToken } = this.#options;
    const table = this.relative_position_bias_table;
    const resampled = resampleRelativePositions(table, own, grid);
    return permute(this.#pairs(resampled, grid, classToken ? "first" : "none"), [2, 0, 1]);
  }

  /**
   * The bias among some patches of each picture.
   *
   * @param indices int32 B×K: their places.
   * @returns B×H×M×M, M = K, or 1 + K with a class token, which goes first.
   */
  forwardTokens(indices: Tensor): Tensor {
    const { grid, heads, classToken } = this.#options;
    const [batch = 0] = indices.shape;
    // With the class token's row behind those of the patches the places of the patches are its rows.
    const pairs = this.#pairs(this.relative_position_bias_table, grid, classToken ? "last" : "none");
    const all = pairs.shape[0]!;
    const first = () => full(this.#device, [batch, 1], all - 1, { dtype: "int32" });
    const places = classToken ? concatenate([first(), indices], 1) : indices;
    const tokens = places.shape[1]!;
    const looking = gatherTokens(reshape(pairs, [all, all * heads]), places);
    const byKey = permute(reshape(looking, [batch, tokens, all, heads]), [0, 2, 1, 3]);
    const chosen = gatherTokens(reshape(byKey, [batch, all, tokens * heads]), places);
    return permute(reshape(chosen, [batch, tokens, tokens, heads]), [0, 3, 2, 1]);
  }

  /** M×M×H: the table's row of each pair. */
  #pairs(table: Tensor, grid: Grid, classToken: ClassTokenPlace): Tensor {
    const tokens = grid[0] * grid[1] + (classToken === "none" ? 0 : 1);
    const gathered = gatherTokens(table, this.#indexOf(grid, classToken));
    return reshape(gathered, [tokens, tokens, this.#options.heads]);
  }

  #indexOf(grid: Grid, classToken: ClassTokenPlace): Tensor {
    const key = `${grid.join("×")} ${classToken}`;
    const known = this.#indices.get(key);
    if (known !== undefined) return known;
    const index = relativePositionIndex(grid, classToken);
    const made = keep(tensor(this.#device, index, [1, index.length]));
    this.#indices.set(key, made);
    return made;
  }
}
