// Matrix products beside the libraries that PyTorch and numpy bring, and beside the limit.
import { nodeSide, torchSide } from "./starts.mjs";

/** Rows of an encoder's layers: 8 and 64 sequences of half a picture's 196 patches. */
const sequences = [8, 64].map((count) => 98 * count);
const widths = [192, 384, 768];

/** Forward (NT), gradient of the input (NN) and of the weight (TN) of a layer. */
const ofLayer = (rows, inputs, outputs) => [
  { m: rows, n: outputs, k: inputs, transposes: "NT" },
  { m: rows, n: inputs, k: outputs, transposes: "NN" },
  { m: outputs, n: inputs, k: rows, transposes: "TN" },
];

/** The layers of ViT-Ti, ViT-S and ViT-B, and a square product: 75. */
const products = [
  ...["NN", "NT", "TN"].map((transposes) => ({ m: 1024, n: 1024, k: 1024, transposes })),
  ...widths.flatMap((width) =>
    sequences.flatMap((rows) =>
      [3 * width, width, 4 * width]
        .flatMap((outputs) => ofLayer(rows, width, outputs))
        .concat(ofLayer(rows, 4 * width, width)),
    ),
  ),
];
const operations = products.reduce((sum, { m, n, k }) => sum + 2 * m * n * k, 0);

const rivals = {
  onednn: "oneDNN through PyTorch",
  torch: "PyTorch's own choice",
  numpy: "OpenBLAS in PyPI's numpy",
};
const script = "../tools/reference/bench_products.py";

/** @param {number} threads */
export function productComparisons(threads) {
  const precision = "float32";
  const work = `${products.length} products, ${precision}`;
  const limit = `the limit of ${precision}`;
  return [
    {
      work,
      against: [...Object.values(rivals), limit],
      async run(measure) {
        const ofLibrary = (library) => ({
          start: torchSide(script, { products, library, threads }, true),
        });
        const results = await measure({
          ours: { start: nodeSide("sides/products.mjs", { products, threads, precision }) },
          ...Object.fromEntries(Object.keys(rivals).map((library) => [library, ofLibrary(library)])),
          limit: { start: nodeSide("sides/limit.mjs", { operations, precision, threads }) },
        });
        const speed = ({ seconds }) => (seconds === null ? null : operations / seconds / 1e9);
        const row = (name, against, target) => ({
          ...{ work, against, target, unit: "GFLOP/s" },
          ...{ ours: speed(results.ours), theirs: speed(results[name]) },
          note: results.ours.note ?? results[name].note,
        });
        return [
          ...Object.entries(rivals).map(([library, name]) =>
            row(library, `${name} (${results[library].information.version ?? "?"})`, 1.05),
          ),
          row("limit", limit, 0.88),
        ];
      },
    },
  ];
}
