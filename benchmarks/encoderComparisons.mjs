// ViT-S/16's forward pass beside onnxruntime-node, on the same weights and pictures, in each format of the weights.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { installRival } from "./installs.mjs";
import { nodeSide, torchSide } from "./starts.mjs";

/** Pictures that every side can make: sine waves. */
export function waves(batch) {
  return Float32Array.from({ length: batch * 3 * 224 * 224 }, (_, index) => Math.sin(index / 7));
}

const against = "onnxruntime-node 1.30.0";

/**
 * The formats of our weights: onnxruntime's side to compare with, the ratio that is wanted, and how far numbers of the
 * two may be apart.
 */
const formats = [
  { weights: "float32", rival: "float32", targets: { 1: 1.15, 8: 1.25 }, tolerance: 1e-3 },
  { weights: "bfloat16", rival: "float32", targets: {}, tolerance: 0.1 },
  { weights: "int8", rival: "float32", targets: {}, tolerance: 0.5 },
  { weights: "int8", rival: "int8", targets: {}, tolerance: 1 },
];
const models = { float32: "encoder.onnx", int8: "encoder.int8.onnx" };

function checkSameOutput({ weights, tolerance }, ours, theirs) {
  const [first, second] = [ours.information.output, theirs.information.output];
  if (first === undefined || second === undefined) return;
  if (!first.every((value, index) => Math.abs(value - second[index]) < tolerance * (1 + Math.abs(value)))) {
    throw new Error(
      `ViT-S/16, ${weights}: ours ends with ${first}, onnxruntime-node's with ${second}; expected the same.`,
    );
  }
}

/** @param {number} threads */
export function encoderComparisons(threads) {
  return [1, 8].map((batch) => {
    const rows = (results, note) =>
      formats.map(({ weights, rival, targets }) => {
        const [ours, theirs] = [results?.[`ours ${weights}`], results?.[`theirs ${rival}`]];
        const speed = (side) => (side?.seconds ? batch / side.seconds : null);
        return {
          work: `ViT-S/16 encoder forward, batch ${batch}, ${weights} weights`,
          against: rival === "float32" ? against : `${against}, ${rival}`,
          target: targets[batch] ?? null,
          ...{ ours: speed(ours), theirs: speed(theirs), unit: "pictures/s" },
          note: note ?? ours?.note ?? theirs?.note,
        };
      });
    return {
      work: `ViT-S/16 encoder forward, batch ${batch}`,
      against: [against],
      async run(measure, say) {
        const { folder: packages, note } = installRival("onnxruntime", say);
        if (packages === undefined) return rows(undefined, note);
        const folder = mkdtempSync(join(tmpdir(), "splitmask-bench-"));
        try {
          const { program } = torchSide("", {}, false);
          const script = fileURLToPath(new URL("../tools/reference/export_encoder.py", import.meta.url));
          const { status } = spawnSync(program, [script, folder], { stdio: "ignore" });
          if (status !== 0) {
            const needs = "pip install torch==2.13.0 timm==1.0.31 onnx onnxscript onnxruntime safetensors";
            return rows(undefined, `the model is exported by Python: ${needs}`);
          }
          const settings = { folder, batch, threads, packages };
          const sides = {};
          for (const { weights } of formats)
            sides[`ours ${weights}`] = { start: nodeSide("sides/encode.mjs", { ...settings, weights }) };
          for (const [rival, model] of Object.entries(models))
            sides[`theirs ${rival}`] = { start: nodeSide("sides/onnxruntime.mjs", { ...settings, model }) };
          const results = await measure(sides);
          for (const format of formats)
            checkSameOutput(format, results[`ours ${format.weights}`], results[`theirs ${format.rival}`]);
          return rows(results);
        } finally {
          rmSync(folder, { recursive: true, force: true });
        }
      },
    };
  });
}
