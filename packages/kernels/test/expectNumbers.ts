/**
 * Fails at the first element that differs by more than absolute + relative·|expected|; much faster than toEqual on long
 * arrays. NaN equals NaN.
 */
export function expectNumbers(
  actual: ArrayLike<number> | undefined,
  expected: ArrayLike<number>,
  { absolute = 0, relative = 0 }: { absolute?: number; relative?: number } = {},
): void {
  if (actual === undefined || actual.length !== expected.length)
    throw new Error(`there are ${actual?.length} numbers, expected ${expected.length}`);
  for (let i = 0; i < expected.length; i += 1) {
    const value = actual[i]!;
    const wanted = expected[i]!;
    if (value === wanted || (Number.isNaN(value) && Number.isNaN(wanted))) continue;
    if (!(Math.abs(value - wanted) <= absolute + relative * Math.abs(wanted)))
      throw new Error(`element ${i} is ${value}, expected ${wanted}`);
  }
}
