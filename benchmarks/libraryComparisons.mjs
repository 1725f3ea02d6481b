// The first model's step beside the libraries of JavaScript that can train: jax-js and tfjs.
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

const work = `SplitMask step, ${tiny16.name}, batch ${tiny16.batch}, float32`;

function comparison(against, threads, start) {
  return {
    work,
    against: [against],
    async run(measure, say) {
      const { side, name = against, note: remark } = start(say);
      const row = (ours, theirs, note) => ({
        work,
        against: `${name}, batch ${rivalBatch}`,
        target: 5,
        ours,
        theirs,
        unit: "pictures/s",
        note,
      });
      if (side === undefined) return [row(null, null, remark)];
      const { ours, theirs } = await measure({
        ours: { start: nodeSide("sides/splitmask.mjs", { ...tiny16, threads, precision: "float32" }) },
        theirs: { start: side, rounds: rivalRounds },
      });
      checkSameWork(tiny16, { ours });
      checkSameWork({ ...tiny16, batch: rivalBatch }, { theirs });
      const speed = (seconds, batch) => (seconds === null ? null : batch / seconds);
      return [
        row(speed(ours.seconds, tiny16.batch), speed(theirs.seconds, rivalBatch), theirs.note ?? remark),
      ];
    },
  };
}

/** @param {number} threads */
export function libraryComparisons(threads) {
  const settings = { ...tiny16, batch: rivalBatch, threads };
  return [
    comparison("jax-js 0.1.25 (WASM)", threads, (say) => {
      const { folder, note } = installRival("jax", say);
      return folder === undefined
        ? { note }
        : { side: nodeSide("sides/jax.mjs", { ...settings, packages: folder }) };
    }),
    comparison("tfjs 4.22.0", threads, (say) => {
      const native = installRival("tfjsNode", say);
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
      return { side, name: "tfjs 4.22.0 (WASM)", note: `tfjs-node is not here: ${native.note}` };
    }),
  ];
}
