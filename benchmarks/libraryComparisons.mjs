// The first model's step beside the libraries of JavaScript that can train, jax-js and tfjs: on the addon, and in
// WebAssembly; and products in WebAssembly beside jax-js.
import { installRival } from "./installs.mjs";
import { tiny16 } from "./models.mjs";
import { nodeSide } from "./starts.mjs";
import { checkSameWork } from "./stepComparisons.mjs";

/**
 * Pictures in a step of theirs: more do not fit into the 4 GiB of WebAssembly, or take minutes. Their speed by picture
 * does not depend on it.
 */
const rivalBatch = 4;
/** A step of theirs takes ten seconds or more. */
const rivalRounds = 2;

/** What both backends are asked: at least so many times the others' speed. */
const targets = { native: 5, wasm: 3 };

const workOn = (backend, batch) =>
  `SplitMask step${backend === "wasm" ? " in WebAssembly" : ""}, ${tiny16.name}, batch ${batch}, float32`;

function comparison(backend, against, threads, start) {
  // In WebAssembly with as many pictures as theirs.
  const model = backend === "wasm" ? { ...tiny16, batch: rivalBatch } : tiny16;
  const work = workOn(backend, model.batch);
  return {
    work,
    against: [against],
    async run(measure, say) {
      const { side, name = against, note: remark } = start(say);
      const row = (ours, theirs, note) => ({
        work,
        against: `${name}, batch ${rivalBatch}`,
        target: targets[backend],
        ours,
        theirs,
        unit: "pictures/s",
        note,
      });
      if (side === undefined) return [row(null, null, remark)];
      const { ours, theirs } = await measure({
        ours: {
          start: nodeSide("sides/splitmask.mjs", { ...model, threads, precision: "float32", backend }),
        },
        theirs: { start: side, rounds: rivalRounds },
      });
      checkSameWork(model, { ours });
      checkSameWork({ ...tiny16, batch: rivalBatch }, { theirs });
      const speed = (seconds, batch) => (seconds === null ? null : batch / seconds);
      return [
        row(speed(ours.seconds, model.batch), speed(theirs.seconds, rivalBatch), theirs.note ?? remark),
      ];
    },
  };
}

function rivalsOf(backend, threads) {
  const settings = { ...tiny16, batch: rivalBatch, threads };
  return [
    comparison(backend, "jax-js 0.1.25 (WASM)", threads, (say) => {
      const { folder, note } = installRival("jax", say);
      return folder === undefined
        ? { note }
        : { side: nodeSide("sides/jax.mjs", { ...settings, packages: folder }) };
    }),
    comparison(backend, "tfjs 4.22.0", threads, (say) => {
      const native = backend === "native" ? installRival("tfjsNode", say) : {};
      if (native.folder !== undefined) {
        const side = nodeSide("sides/tfjs.mjs", {
          ...settings,
          packages: native.folder,
          backend: "tensorflow",
        });
        return { side, name: "tfjs-node 4.22.0 (native)" };
      }
      const { folder, note } = installRival("tfjs", say);
      if (folder === undefined) return { note };
      const side = nodeSide("sides/tfjs.mjs", { ...settings, packages: folder, backend: "wasm" });
      const remark = native.note && `tfjs-node is not here: ${native.note}`;
      return { side, name: "tfjs 4.22.0 (WASM)", note: remark };
    }),
  ];
}

const products = ["NN", "NT", "TN"].map((transposes) => ({ m: 1024, n: 1024, k: 1024, transposes }));
const operations = 3 * 2 * 1024 ** 3;

function productComparison(threads) {
  const work = "products 1024×1024×1024 in WebAssembly, float32";
  const against = "jax-js 0.1.25 (WASM)";
  return {
    work,
    against: [against],
    async run(measure, say) {
      const row = (ours, theirs, note) => ({ work, against, target: 1, ours, theirs, unit: "GFLOP/s", note });
      const { folder, note } = installRival("jax", say);
      if (folder === undefined) return [row(null, null, note)];
      const settings = { products, threads };
      const { ours, theirs } = await measure({
        ours: {
          start: nodeSide("sides/products.mjs", { ...settings, precision: "float32", backend: "wasm" }),
        },
        theirs: { start: nodeSide("sides/jaxProducts.mjs", { ...settings, packages: folder }) },
      });
      const speed = ({ seconds }) => (seconds === null ? null : operations / seconds / 1e9);
      return [row(speed(ours), speed(theirs), ours.note ?? theirs.note)];
    },
  };
}

/** @param {number} threads */
export function libraryComparisons(threads) {
  return [...rivalsOf("native", threads), ...rivalsOf("wasm", threads), productComparison(threads)];
}
