// The loader beside sharp and PyTorch's DataLoader, and from the cache on disk beside what training can use.
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { tiny8 } from "./models.mjs";
import { makePhotographs } from "./photographs.mjs";
import { nodeSide, torchSide } from "./starts.mjs";

const script = "../tools/reference/bench_data.py";
const batch = 64;
const group = "data";

/** The JPEG files, made for this comparison, and an empty folder for caches. */
async function withPhotographs(body) {
  const { folder, source } = await makePhotographs();
  const cacheFolder = mkdtempSync(join(tmpdir(), "splitmask-bench-cache-"));
  try {
    return await body({ folder, source, cacheFolder });
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(cacheFolder, { recursive: true, force: true });
  }
}

const speed = ({ seconds }, pictures) => (seconds === null ? null : pictures / seconds);

/** @param {number} threads */
export function dataComparisons(threads) {
  const [alone, torch] = ["sharp alone, decoding", "PyTorch's DataLoader with torchvision"];
  const fromFiles = "data: JPEG 500×375 → random resized crop 224, batch 64";
  const toTrain = `data: from the cache → random resized crop 64, batch ${batch}`;
  const toCrop = "data: from the cache → random resized crop 224, a core";
  const step = `ten times a SplitMask step, ${tiny8.name}`;
  const goal = "1,800 pictures a second";
  return [
    {
      group,
      work: fromFiles,
      against: [alone, torch],
      run: (measure) =>
        withPhotographs(async ({ folder, source }) => {
          const results = await measure({
            ours: { start: nodeSide("sides/loader.mjs", { folder, sizes: [224], batch, threads }) },
            sharp: {
              start: nodeSide("sides/sharp.mjs", {
                folder,
                batch,
                workers: Math.min(4, availableParallelism()),
              }),
            },
            torch: { start: torchSide(script, { folder, size: 224, batch, workers: threads }, false) },
          });
          const ours = speed(results.ours, batch);
          const row = (against, target, { seconds, note, information }) => ({
            work: fromFiles,
            against: information.version === undefined ? against : `${against} (${information.version})`,
            target,
            ours,
            theirs: speed({ seconds }, batch),
            unit: "pictures/s",
            note: results.ours.note ?? note ?? `photographs ${source}`,
          });
          return [row(alone, 0.85, results.sharp), row(torch, 1, results.torch)];
        }),
    },
    {
      group,
      work: toCrop,
      against: [goal],
      run: (measure) =>
        withPhotographs(async ({ folder, cacheFolder }) => {
          const settings = { folder, cacheFolder, sizes: [224], batch, threads };
          const { ours } = await measure({ ours: { start: nodeSide("sides/loader.mjs", settings) } });
          const perCore = ours.seconds === null ? null : batch / ours.seconds / threads;
          return [
            {
              work: toCrop,
              against: goal,
              target: 1,
              ours: perCore,
              theirs: 1800,
              unit: "pictures/s",
              note: ours.note,
            },
          ];
        }),
    },
    {
      group,
      work: toTrain,
      against: [step],
      run: (measure) =>
        withPhotographs(async ({ folder, cacheFolder }) => {
          const settings = { folder, cacheFolder, sizes: [64, 64], batch, threads };
          const { ours, theirs } = await measure({
            ours: { start: nodeSide("sides/loader.mjs", settings) },
            theirs: { start: nodeSide("sides/splitmask.mjs", { ...tiny8, threads, precision: "float32" }) },
          });
          const used = speed(theirs, tiny8.batch);
          return [
            {
              work: toTrain,
              against: step,
              target: 1,
              ours: speed(ours, batch),
              theirs: used === null ? null : 10 * used,
              unit: "pictures/s",
              note: ours.note ?? theirs.note,
            },
          ];
        }),
    },
  ];
}
