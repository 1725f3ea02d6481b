/** Files of pickled batches have names without an ending; those of CIFAR-100 only say something beside `meta`. */
const pickledNames = /^(data_batch_\d+|test_batch)$/;
const binaryNames = /^(data_batch_\d+|test_batch|train|test)\.bin$/;

/** Those of a folder's files that are called as CIFAR's. */
export function cifarNames(names: readonly string[]): string[] {
  const binary = names.filter((name) => binaryNames.test(name));
  if (binary.length > 0) return binary;
  const hundred = names.includes("meta") ? ["train", "test"] : [];
  return names.filter((name) => pickledNames.test(name) || hundred.includes(name));
}

/** The part that a file of CIFAR is of. */
export function cifarPart(name: string): "train" | "test" {
  return /^test/.test(name) ? "test" : "train";
}
