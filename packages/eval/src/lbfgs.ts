import {
  absolute,
  add,
  affine,
  concatenate,
  matmul,
  reshape,
  scope,
  subtract,
  type Tensor,
  tensor,
  topK,
} from "@splitmask/autograd";

/** A differentiable function at one point. */
export interface Evaluation {
  /** Its value. */
  readonly value: number;
  /** Its gradient, 1×P. */
  readonly gradient: Tensor;
}

/** Options of {@link minimize}. */
export interface MinimizeOptions {
  /** Most iterations. */
  readonly maximumIterations: number;
  /** Stops where no element of the gradient is larger. */
  readonly tolerance: number;
  /** Pairs of moves and gradient changes that are remembered. Default 10. */
  readonly memory?: number;
}

/** Where {@link minimize} stopped. */
export interface Minimum {
  /** The point, 1×P. */
  readonly point: Tensor;
  /** The value there. */
  readonly value: number;
  /** Iterations taken. */
  readonly iterations: number;
  /** The largest element of the gradient there. */
  readonly gradient: number;
  /** Whether that is within the tolerance; if not, the iterations were too few, or float32 knows no lower point. */
  readonly converged: boolean;
}

interface Pair {
  readonly move: Tensor;
  readonly change: Tensor;
}

/**
 * Minimizes a smooth convex function by L-BFGS (Nocedal and Wright, Numerical Optimization, algorithms 7.4 and 7.5)
 * with backtracking.
 * The two-loop recursion runs on the matrix of inner products of what is remembered, as in Chen et al. 2014
 * ("vector-free L-BFGS"): one product on the device
 * and some twenty numbers on the host an iteration.
 *
 * @param start 1×P; not changed.
 * @param evaluate the function at a point 1×P.
 */
export async function minimize(
  start: Tensor,
  evaluate: (point: Tensor) => Promise<Evaluation>,
  options: MinimizeOptions,
): Promise<Minimum> {
  const { device } = start;
  const { memory = 10, maximumIterations, tolerance } = options;
  const pairs: Pair[] = [];
  let point = start;
  let { value, gradient } = await evaluate(point);
  for (let iteration = 0; ; iteration++) {
    const basis = scope(device, () =>
      concatenate([...pairs.map((pair) => pair.move), ...pairs.map((pair) => pair.change), gradient], 0),
    );
    const size = basis.shape[0]!;
    const last = size - 1;
    const numbers = (await scope(device, () =>
      concatenate(
        [
          reshape(matmul(basis, basis, { transposeB: true }), [size * size]),
          reshape(topK(absolute(gradient), 1).values, [1]),
        ],
        0,
      ),
    ).data()) as Float32Array;
    const product = (a: number, b: number) => numbers[a * size + b]!;
    const steepest = numbers[size * size]!;
    const stopped = (converged: boolean) => ({
      point,
      value,
      iterations: iteration,
      gradient: steepest,
      converged,
    });
    if (steepest <= tolerance) return stopped(true);
    // A NaN gradient leads nowhere.
    if (iteration === maximumIterations || !Number.isFinite(steepest)) return stopped(false);
    const coefficients = twoLoops(pairs.length, product);
    const slope = coefficients.reduce(
      (total, coefficient, row) => total + coefficient * product(row, last),
      0,
    );
    const next = slope < 0 ? await descend(coefficients, basis, slope) : null;
    if (next === null) {
      // Rounding has eaten the descent: start the memory anew with the gradient alone.
      if (pairs.length === 0) return stopped(false);
      pairs.length = 0;
      continue;
    }
    const before = { point, gradient };
    pairs.push(
      scope(device, () => ({
        move: subtract(next.point, before.point),
        change: subtract(next.evaluation.gradient, before.gradient),
      })),
    );
    if (pairs.length > memory) pairs.shift();
    point = next.point;
    ({ value, gradient } = next.evaluation);
  }

  /** Goes along a direction (coefficients of the basis) as far as it descends enough; null: nowhere. */
  async function descend(
    coefficients: readonly number[],
    basis: Tensor,
    slope: number,
  ): Promise<{ point: Tensor; evaluation: Evaluation } | null> {
    const direction = scope(device, () =>
      matmul(tensor(device, Float32Array.from(coefficients), [1, coefficients.length]), basis),
    );
    const length = Math.sqrt(-slope);
    // What float32 may add to a mean of logarithms.
    const noise = 1e-6 * Math.max(1, Math.abs(value));
    let rate = pairs.length === 0 ? Math.min(1, 1 / length) : 1;
    for (let attempt = 0; attempt < 25; attempt++, rate /= 2) {
      const step = rate;
      const tried = scope(device, () => add(point, affine(direction, step, 0)));
      const evaluation = await evaluate(tried);
      const gained = value - evaluation.value;
      if (gained > noise && gained >= -1e-4 * step * slope) return { point: tried, evaluation };
      if (!(Math.abs(gained) <= noise)) continue;
      // Values that differ by rounding say nothing; of a convex function the slope at the new place does: it has to be
      // higher, and not as steep upwards.
      const onward = await scope(device, () =>
        matmul(direction, evaluation.gradient, { transposeB: true }),
      ).item();
      if (onward > slope && onward <= -0.9 * slope) return { point: tried, evaluation };
    }
    return null;
  }
}

/**
 * The direction −H·g as coefficients of the moves (rows 0 … k−1), the changes (k … 2k−1) and the gradient (2k). Pairs
 * without positive
 * curvature are left out.
 */
function twoLoops(k: number, product: (a: number, b: number) => number): number[] {
  const gradient = 2 * k;
  const coefficients = new Array<number>(2 * k + 1).fill(0);
  coefficients[gradient] = -1;
  const dot = (row: number) =>
    coefficients.reduce((total, coefficient, other) => total + coefficient * product(other, row), 0);
  const usable = Array.from({ length: k }, (_, i) => i).filter(
    (i) => product(i, k + i) > 1e-12 * Math.sqrt(product(i, i) * product(k + i, k + i)),
  );
  const alphas = new Map<number, number>();
  for (const i of [...usable].reverse()) {
    const alpha = dot(i) / product(i, k + i);
    alphas.set(i, alpha);
    coefficients[k + i]! -= alpha;
  }
  const newest = usable.at(-1);
  if (newest !== undefined) {
    const scale = product(newest, k + newest) / product(k + newest, k + newest);
    for (let row = 0; row < coefficients.length; row++) coefficients[row]! *= scale;
  }
  for (const i of usable) coefficients[i]! += alphas.get(i)! - dot(k + i) / product(i, k + i);
  return coefficients;
}
