import type { RandomStream } from "@splitmask/autograd";

/** A number of the normal distribution (Box and Muller 1958), from two draws. */
export function drawNormal(stream: RandomStream, mean: number, deviation: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - stream.uniform()));
  return mean + deviation * radius * Math.cos(2 * Math.PI * stream.uniform());
}

/** A number of the gamma distribution with scale 1 (Marsaglia and Tsang 2000). */
function drawGamma(stream: RandomStream, shape: number): number {
  if (shape < 1) return drawGamma(stream, shape + 1) * (1 - stream.uniform()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const normal = drawNormal(stream, 0, 1);
    const cube = (1 + c * normal) ** 3;
    if (cube <= 0) continue;
    const logUniform = Math.log(1 - stream.uniform());
    if (logUniform < 0.5 * normal * normal + d - d * cube + d * Math.log(cube)) return d * cube;
  }
}

/** A number of the symmetric beta distribution Beta(alpha, alpha). */
export function drawBeta(stream: RandomStream, alpha: number): number {
  const a = drawGamma(stream, alpha);
  const b = drawGamma(stream, alpha);
  // Both round to 0 where alpha is tiny: then the distribution is 0 or 1.
  return a + b > 0 ? a / (a + b) : Math.round(stream.uniform());
}

/**
 * Checks a probability.
 *
 * @throws RangeError If it is not from 0 to 1.
 */
export function checkProbability(rule: string, name: string, value: number): void {
  if (!(value >= 0 && value <= 1)) {
    throw new RangeError(`${rule}: ${name} is ${value}; expected a probability from 0 to 1.`);
  }
}
