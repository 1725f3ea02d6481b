// ViT-S/16's forward pass beside onnxruntime-node, on the same weights and pictures.
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

function checkSameOutput({ ours, theirs }) {
  const [first, second] = [ours.information.output, theirs.information.output];
  if (first === undefined || second === undefined) return;
  if (!first.every((value, index) => Math.abs(value - second[index]) < 1e-3 * (1 + Math.abs(value)))) {
    throw new Error(
      `ViT-S/16: ours ends with ${first}, onnxruntime-node's with ${second}; expected the same.`,
    );
  }
}

/** @param {number} threads */
export function encoderComparisons(threads) {
  return [1, 8].map((batch) => {
    const work = `ViT-S/16 encoder forward, batch ${batch}, float32`;
    const row = (ours, theirs, note) => ({
      work,
      against,
      target: batch === 1 ? 1.15 : 1.25,
      ours,
      theirs,
      unit: "pictures/s",
      note,
    });
    return {
      work,
      against: [against],
      async run(measure, say) {
        const { folder: packages, note } = installRival("onnxruntime", say);
        if (packages === undefined) return [row(null, null, note)];
        const folder = mkdtempSync(join(tmpdir(), "splitmask-bench-"));
        try {
          const { program } = torchSide("", {}, false);
          const script = fileURLToPath(new URL("../tools/reference/export_encoder.py", import.meta.url));
          const { status } = spawnSync(program, [script, folder], { stdio: "ignore" });
          if (status !== 0) {
            const needs = "pip install torch==2.13.0 timm==1.0.31 onnx onnxscript safetensors";
            return [row(null, null, `the model is exported by Python: ${needs}`)];
          }
          const settings = { folder, batch, threads, packages };
          const results = await measure({
            ours: { start: nodeSide("sides/encode.mjs", settings) },
            theirs: { start: nodeSide("sides/onnxruntime.mjs", settings) },
          });
          checkSameOutput(results);
          const speed = ({ seconds }) => (seconds === null ? null : batch / seconds);
          return [row(speed(results.ours), speed(results.theirs), results.ours.note ?? results.theirs.note)];
        } finally {
          rmSync(folder, { recursive: true, force: true });
        }
      },
    };
  });
}
