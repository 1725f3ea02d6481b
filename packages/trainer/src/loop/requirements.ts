/** @throws RangeError where an option of `train` is no whole number of at least `least`. */
export function requireWhole(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new RangeError(`train: ${name} is ${value}; it must be a whole number of at least ${least}.`);
}

/** @throws RangeError where an option of `train` is not a number of at least `least`. */
export function requireAtLeast(name: string, value: number, least: number): void {
  if (Number.isFinite(value) && value >= least) return;
  throw new RangeError(`train: ${name} is ${value}; it must be a number of at least ${least}.`);
}

/** @throws RangeError where an option of `train` is not a number above `bound`. */
export function requireAbove(name: string, value: number, bound: number): void {
  if (Number.isFinite(value) && value > bound) return;
  throw new RangeError(`train: ${name} is ${value}; it must be a number above ${bound}.`);
}

/** @throws RangeError where an option of `train` is none of the words that it may be. */
export function requireKind(name: string, value: unknown, kinds: readonly string[]): void {
  if (kinds.some((kind) => kind === value)) return;
  const quoted = kinds.map((kind) => JSON.stringify(kind));
  throw new RangeError(
    `train: ${name} is ${JSON.stringify(value)}; it must be ${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}.`,
  );
}
