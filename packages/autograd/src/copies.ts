/** Marks the tensors of every copy of this package. */
const brand: unique symbol = Symbol.for("@splitmask/autograd.Tensor") as never;

/** Where this copy of the package was loaded from. */
const here = new URL("..", import.meta.url).href;

/** Puts the mark of this copy on the instances of a class. */
export function markCopy({ prototype }: { readonly prototype: object }): void {
  Object.defineProperty(prototype, brand, { value: here });
}

/**
 * What a value is that was expected to be a tensor, for errors; a tensor of another copy of this package is named as
 * such, because it looks like a tensor and is none here.
 */
export function describeOther(value: unknown): string {
  const other = (value as { readonly [brand]?: unknown } | null | undefined)?.[brand];
  if (typeof other !== "string") return `${value === null ? "null" : typeof value}; expected a tensor`;
  return (
    `a tensor of another copy of @splitmask/autograd (${other}; this one is ${here}); expected one of this copy. ` +
    "Install one version for the whole program: `npm ls @splitmask/autograd` shows who needs which, " +
    "`npm dedupe` joins them"
  );
}
