// Matrix products of jax-js, each jitted by itself. Argument: { products, threads, packages } as JSON, as in
// products.mjs.
import { serve } from "../serve.mjs";
import { importJax } from "./importJax.mjs";

const { products, ...settings } = JSON.parse(process.argv[2]);
const { blockUntilReady, jit, numpy: np, random } = await importJax(settings);

let seed = 0;
const factor = (shape) => random.uniform(random.key(seed++), shape);
const calls = products.map(({ m, n, k, transposes }) => {
  const [transposeA, transposeB] = [...transposes].map((letter) => letter === "T");
  const product = jit((a, b) => np.matmul(transposeA ? a.transpose() : a, transposeB ? b.transpose() : b));
  return { product, a: factor(transposeA ? [k, m] : [m, k]), b: factor(transposeB ? [n, k] : [k, n]) };
});

async function step() {
  const results = calls.map(({ product, a, b }) => product(a.ref, b.ref));
  await blockUntilReady(results);
  for (const result of results) result.dispose();
}

await step();
await serve({ information: {}, step });
