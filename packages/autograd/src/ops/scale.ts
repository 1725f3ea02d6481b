import { checkFloating, checkSameShape, rowsAndColumns } from "../checks.js";
import { bernoulli } from "../creation.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import type { RandomKey } from "../random.js";
import { checkSampleRows, type SampleRows } from "../samples.js";
import { equalShapes, formatShape } from "../shape.js";
import { empty, floatingOf, type Tensor } from "../tensor.js";
import { add } from "./binary.js";
import { concatenate } from "./concatenate.js";
import { slice } from "./slice.js";

type ScaleInputs = { readonly x: Tensor; readonly scale: Tensor; readonly residual: Tensor | null };

function runScale(
  kernel: "scaleRows" | "scaleColumns",
  output: Tensor,
  input: Tensor,
  scale: Tensor,
  residual: Tensor | null,
  layout: { rows: number; columns: number },
): Tensor {
  const shared = { output, input, residual, ...layout };
  const { device } = output;
  if (kernel === "scaleRows") device.run(kernel, floatingOf(input), { ...shared, rowScale: scale });
  else device.run(kernel, floatingOf(input), { ...shared, columnScale: scale });
  return output;
}

function fresh(like: Tensor): Tensor {
  return empty(like.device, like.shape, like.dtype);
}

/** y[r,:] = x[r,:]·s[r] + residual[r,:]; ∂/∂x = g[r,:]·s[r], ∂/∂s = Σ_columns g·x, ∂/∂residual = g. */
export const scaleRowsOperation = defineOperation({
  name: "scaleRows",
  forward: ({ x, scale, residual }: ScaleInputs, _: null, needs) => {
    const layout = { rows: scale.size, columns: x.size / Math.max(scale.size, 1) };
    return {
      output: runScale("scaleRows", fresh(x), x, scale, residual, layout),
      saved: { x: needs.scale ? x : null, scale },
    };
  },
  gradient: ({ outputGradient: g, saved, needs, shapes, writableGradient }) => {
    const layout = { rows: saved.scale.size, columns: g.size / Math.max(saved.scale.size, 1) };
    let scale: Tensor | null = null;
    if (needs.scale) {
      scale = empty(g.device, shapes.scale, g.dtype);
      g.device.run("dotRows", floatingOf(g), { output: scale, a: g, b: saved.x!, ...layout });
    }
    const target = needs.x ? (needs.residual ? fresh(g) : writableGradient()) : null;
    return {
      x: target === null ? null : runScale("scaleRows", target, g, saved.scale, null, layout),
      scale,
      residual: needs.residual ? g : null,
    };
  },
});

/** y[r,c] = x[r,c]·s[c] + residual[r,c]; ∂/∂x = g[r,c]·s[c], ∂/∂s = Σ_rows g·x, ∂/∂residual = g. */
export const scaleColumnsOperation = defineOperation({
  name: "scaleColumns",
  forward: ({ x, scale, residual }: ScaleInputs, _: null, needs) => ({
    output: runScale("scaleColumns", fresh(x), x, scale, residual, rowsAndColumns("scaleColumns", "x", x)),
    saved: { x: needs.scale ? x : null, scale },
  }),
  gradient: ({ outputGradient: g, saved, needs, shapes, writableGradient }) => {
    const layout = rowsAndColumns("scaleColumns", "x", g);
    let scale: Tensor | null = null;
    if (needs.scale) {
      scale = empty(g.device, shapes.scale, g.dtype);
      g.device.run("dotColumns", floatingOf(g), { output: scale, a: g, b: saved.x!, ...layout });
    }
    const target = needs.x ? (needs.residual ? fresh(g) : writableGradient()) : null;
    return {
      x: target === null ? null : runScale("scaleColumns", target, g, saved.scale, null, layout),
      scale,
      residual: needs.residual ? g : null,
    };
  },
});

/** Options of the scaling operations. */
export interface ScaleOptions {
  /** A tensor of the shape of x that is added in the same kernel. */
  readonly residual?: Tensor | null;
}

/**
 * Multiplies each row of x by its own number. `rowScale` has the leading axes of x; all other axes of x count as
 * columns. For example, B×N×D by B.
 *
 * @throws RangeError If the shape of `rowScale` is not the beginning of the shape of x.
 */
export function scaleRows(x: Tensor, rowScale: Tensor, options: ScaleOptions = {}): Tensor {
  const { residual = null } = options;
  checkFloating("scaleRows", { x, rowScale, residual });
  if (!equalShapes(rowScale.shape, x.shape.slice(0, rowScale.rank))) {
    throw new RangeError(
      `scaleRows: x is ${formatShape(x.shape)} and rowScale is ${formatShape(rowScale.shape)}; ` +
        `expected the leading axes of x, e.g. ${formatShape(x.shape.slice(0, -1))}.`,
    );
  }
  if (residual !== null) checkSameShape("scaleRows", "residual", residual, x.shape, "the shape of x");
  return perform(scaleRowsOperation, { x, scale: rowScale, residual }, null);
}

/**
 * Multiplies each column of x by its own number: x …×C by `columnScale` C (layer scale).
 *
 * @throws RangeError If `columnScale` is not the last axis of x.
 */
export function scaleColumns(x: Tensor, columnScale: Tensor, options: ScaleOptions = {}): Tensor {
  const { residual = null } = options;
  checkFloating("scaleColumns", { x, columnScale, residual });
  const { columns } = rowsAndColumns("scaleColumns", "x", x);
  checkSameShape("scaleColumns", "columnScale", columnScale, [columns], "the last axis of x");
  if (residual !== null) checkSameShape("scaleColumns", "residual", residual, x.shape, "the shape of x");
  return perform(scaleColumnsOperation, { x, scale: columnScale, residual }, null);
}

/** Options of `dropPath`. */
export interface DropPathOptions extends ScaleOptions {
  /** The probability that a sample's path is dropped, in [0, 1). */
  readonly probability: number;
  /** Whether this is training; otherwise nothing is dropped. */
  readonly training: boolean;
  /** What the choice depends on. */
  readonly key: RandomKey;
  /**
   * Which samples of a batch of `total` samples are in x. They may be repeated, branch after branch. Each sample is
   * dropped exactly if it would be dropped in the whole batch. Default: x is the whole batch.
   */
  readonly rows?: SampleRows | undefined;
}

/** A number for each of `samples` rows: those of the draw for the whole batch, in each repetition of it. */
function drawRows(samples: number, rows: SampleRows | undefined, draw: (samples: number) => Tensor): Tensor {
  if (rows === undefined) return draw(samples);
  const { first, count, total } = rows;
  checkSampleRows("dropPath", samples, rows);
  const repetitions = samples / count;
  const all = draw(repetitions * total);
  if (repetitions === 1) return slice(all, 0, first, first + count);
  return concatenate(
    Array.from({ length: repetitions }, (_, index) =>
      slice(all, 0, index * total + first, index * total + first + count),
    ),
    0,
  );
}

/**
 * Stochastic depth (Huang et al. 2016): each sample of x is set to zero with a probability, else divided by 1 −
 * probability, so that the mean stays the same. Then `residual` is added. The first axis of x is the samples. If
 * nothing can be dropped and nothing is added, the result is x itself.
 *
 * @throws RangeError If the probability is not in [0, 1), or `rows` do not fit x.
 */
export function dropPath(x: Tensor, options: DropPathOptions): Tensor {
  const { probability, training, key, rows, residual = null } = options;
  if (!(probability >= 0 && probability < 1)) {
    throw new RangeError(`dropPath: probability is ${probability}; expected a number in [0, 1).`);
  }
  checkFloating("dropPath", { x, residual });
  if (!training || probability === 0) return residual === null ? x : add(x, residual);
  const samples = x.shape[0];
  if (samples === undefined)
    throw new RangeError("dropPath: x is a scalar; expected samples along the first axis.");
  const kept = 1 - probability;
  const rowScale = drawRows(samples, rows, (count) =>
    bernoulli(x.device, [count], { probability: kept, value: 1 / kept, key, dtype: floatingOf(x) }),
  );
  return scaleRows(x, rowScale, { residual });
}
