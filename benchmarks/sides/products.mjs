// Our side of matrix products: one step is every product of a list once. Argument: { products, threads, precision,
// backend } as JSON; productComparisons.mjs describes a product.
import { uniform } from "@splitmask/autograd";
import { activatedOperands, createDevice, productPrecisions } from "@splitmask/kernels";
import { serve } from "../serve.mjs";

const { products, threads, precision, backend = "native" } = JSON.parse(process.argv[2]);
const device = createDevice({ backend, threads });
const factor = (index, purpose, shape) => uniform(device, shape, { key: { seed: 0, purpose, step: index } });
const nothing = { bias: null, residual: null, preActivation: null };

const calls = products.map(({ m, n, k, transposes }, index) => {
  const [transposeA, transposeB] = [...transposes].map((letter) => (letter === "T" ? 1 : 0));
  return {
    ...{ output: factor(index, "output", [m, n]), a: factor(index, "a", [m, k]), ...nothing },
    ...{ b: factor(index, "b", [k, n]), m, n, k, transposeA, transposeB, alpha: 1, beta: 0, batch: 1 },
    ...{ aLeading: transposeA ? m : k, bLeading: transposeB ? k : n, outputLeading: n },
    ...{ aBatchStride: 0, bBatchStride: 0, outputBatchStride: 0 },
    ...{ activation: activatedOperands.none, precision: productPrecisions[precision] },
  };
});

async function step() {
  for (const call of calls) device.run("gemm", "float32", call);
  await device.synchronize();
}

await step();
await serve({ information: {}, step });
device.close();
