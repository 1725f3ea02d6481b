import { add, concatenate, matmul, scope, subtract, type Tensor, tensor } from "@splitmask/autograd";

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
  /** Stops when the value falls by less than this share of it, three times in a row. */
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
  /** Whether the tolerance was reached (or no further descent is possible in float32). */
  readonly converged: boolean;
}

interface Pair {
  readonly move: Tensor;
  readonly change: Tensor;
}

/**
 * Minimises a smooth convex function by L-BFGS (Nocedal and Wright, Numerical Optimization, algorithms 7.4 and 7.5) with backtracking.
 * The two-loop recursion runs on the matrix of inner products of what is remembered, as in Chen et al. 2014 ("vector-free L-BFGS"): one product on the device
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
  let calm = 0;
  for (let iteration = 0; iteration < maximumIterations; iteration++) {
    const basis = scope(device, () =>
      concatenate([...pairs.map((pair) => pair.move), ...pairs.map((pair) => pair.change), gradient], 0),
    );
    const size = basis.shape[0]!;
    const products = (await scope(device, () =>
      matmul(basis, basis, { transposeB: true }),
    ).data()) as Float32Array;
    const product = (a: number, b: number) => products[a * size + b]!;
    const last = size - 1;
    const length = Math.sqrt(product(last, last));
    if (!(length > 0)) return { point, value, iterations: iteration, converged: length === 0 };
    const coefficients = twoLoops(pairs.length, product);
    const slope = coefficients.reduce(
      (total, coefficient, row) => total + coefficient * product(row, last),
      0,
    );
    // Rounding has eaten the descent: start the memory anew with the gradient alone.
    if (!(slope < 0)) {
      if (pairs.length === 0) return { point, value, iterations: iteration, converged: true };
      pairs.length = 0;
      continue;
    }
    let rate = pairs.length === 0 ? Math.min(1, 1 / length) : 1;
    let next: { point: Tensor; evaluation: Evaluation } | null = null;
    for (let attempt = 0; attempt < 25; attempt++, rate /= 2) {
      const step = rate;
      const tried = scope(device, () => {
        const weights = tensor(
          device,
          Float32Array.from(coefficients, (weight) => weight * step),
          [1, size],
        );
        return add(point, matmul(weights, basis));
      });
      const evaluation = await evaluate(tried);
      if (evaluation.value <= value + 1e-4 * step * slope) {
        next = { point: tried, evaluation };
        break;
      }
    }
    if (next === null) {
      if (pairs.length === 0) return { point, value, iterations: iteration, converged: true };
      pairs.length = 0;
      continue;
    }
    const reached = next;
    const before = { point, gradient };
    const pair = scope(device, () => ({
      move: subtract(reached.point, before.point),
      change: subtract(reached.evaluation.gradient, before.gradient),
    }));
    pairs.push(pair);
    if (pairs.length > memory) pairs.shift();
    calm = value - reached.evaluation.value < tolerance * Math.abs(value) ? calm + 1 : 0;
    point = reached.point;
    ({ value, gradient } = reached.evaluation);
    if (calm === 3) return { point, value, iterations: iteration + 1, converged: true };
  }
  return { point, value, iterations: maximumIterations, converged: false };
}

/**
 * The direction −H·g as coefficients of the moves (rows 0 … k−1), the changes (k … 2k−1) and the gradient (2k). Pairs without positive
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
