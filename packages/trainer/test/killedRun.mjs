// A process of killedRun.test.ts: opens or makes a run folder, trains in it, and may kill itself at the nth call of the
// file system.
//
//   node killedRun.mjs <folder> '{"steps": 60, "checkpointEvery": 5, "killAt": null}'
//
// or with "killAt": {"call": "write" | "sync" | "rename", "count": 3, "after": true}.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { linear, mean, normal, square, subtract } from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";
import { Linear } from "@splitmask/nn";
import { nodeFileSystem, RunFolder, train } from "@splitmask/trainer";

const [folder, text] = process.argv.slice(2);
const { steps, checkpointEvery, killAt } = JSON.parse(text);

let calls = 0;
/** Counts the calls of a kind, or of a kind and a file's name, and dies before or after the one that is asked for. */
async function counted(call, perform, path = "") {
  const dies =
    killAt !== null &&
    killAt.call === call &&
    (killAt.name === undefined || path.endsWith(killAt.name)) &&
    ++calls === killAt.count;
  if (dies && !killAt.after) process.kill(process.pid, "SIGKILL");
  const result = await perform();
  if (dies) process.kill(process.pid, "SIGKILL");
  return result;
}

/** Half of the bytes may be on the disk when a process dies in a write. */
async function tornWrite(file, bytes) {
  await file.write(bytes.subarray(0, bytes.length >> 1));
  await counted("write", () => file.write(bytes.subarray(bytes.length >> 1)));
}

const fileSystem = {
  ...nodeFileSystem,
  async create(path) {
    const file = await nodeFileSystem.create(path);
    return {
      write: (bytes) => tornWrite(file, bytes),
      sync: () => counted("sync", () => file.sync()),
      close: () => file.close(),
    };
  },
  syncFolder: (path) => counted("sync", () => nodeFileSystem.syncFolder(path)),
  rename: (from, to) => counted("rename", () => nodeFileSystem.rename(from, to), to),
};

const device = createDevice({ threads: 1 });
const model = new Linear(device, { inFeatures: 16, outFeatures: 8, seed: 3, purpose: "model" });
const truth = normal(device, [8, 16], { key: { seed: 7, purpose: "truth" } });
const runFolder = existsSync(join(folder, "config.json"))
  ? await RunFolder.open(folder)
  : await RunFolder.create(folder, {});
console.log("open");
const { step } = await train({
  device,
  task: {
    name: "regression",
    model,
    loss(inputs, { seed, step: index }) {
      const noise = normal(device, inputs.shape, { key: { seed, purpose: "noise", step: index } });
      const error = subtract(model.forward(subtract(inputs, noise)), linear(inputs, truth, null));
      return { total: mean(square(error)), parts: {} };
    },
  },
  batches: {
    batchSize: 8,
    batchesPerEpoch: 10,
    batch: async (index) => normal(device, [8, 16], { key: { seed: 7, purpose: "inputs", step: index } }),
  },
  length: { steps },
  schedule: { base: 0.01, warmupSteps: 5 },
  seed: 1,
  runFolder,
  resume: true,
  checkpointEvery,
  fileSystem,
  onEvent: (event) => {
    if (event.type === "step" && event.step % 5 === 0) console.log("step", event.step);
  },
});
await runFolder.close();
device.close();
console.log("done", step);
