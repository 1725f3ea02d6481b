/**
 * The largest difference over the largest expected number: a relative error of the tensor as a whole. Infinite where
 * one side is NaN and the other is not.
 *
 * @throws RangeError If the lengths differ.
 */
export function largestError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) {
    throw new RangeError(`largestError: ${actual.length} numbers were given, expected ${expected.length}.`);
  }
  let difference = 0;
  let scale = 0;
  for (let index = 0; index < expected.length; index++) {
    const found = actual[index]!;
    const wanted = expected[index]!;
    if (Object.is(found, wanted) || found === wanted) {
      if (Number.isFinite(wanted)) scale = Math.max(scale, Math.abs(wanted));
      continue;
    }
    const gap = Math.abs(found - wanted);
    if (!Number.isFinite(gap)) return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, gap);
    scale = Math.max(scale, Math.abs(wanted));
  }
  return scale === 0 ? difference : difference / scale;
}
