import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Device } from "@splitmask/kernels";
import {
  type CheckpointFileSystem,
  DamagedCheckpointError,
  latestCheckpoint,
  listCheckpoints,
  nodeFileSystem,
  readCheckpoint,
  readCheckpointModel,
  type TrainOptions,
} from "@splitmask/trainer";
import { freshForEachTest } from "./freshForEachTest.js";
import { runTiny } from "./runTiny.js";
import { type Points, points } from "./tinyTask.js";

let folder: string;
let device: Device;
freshForEachTest(1, (fresh) => {
  ({ device, folder } = fresh);
});

const checkpoints = (name: string) => join(folder, name, "checkpoints");
const lastOf = async (name: string) => (await latestCheckpoint(checkpoints(name)))!.path;
const weights = async (name: string) => readFileSync(join(await lastOf(name), "model.safetensors"));

/** Changes one bit somewhere in a file. */
function flipBit(path: string, share: number, bit: number): void {
  const bytes = readFileSync(path);
  bytes[Math.floor(share * (bytes.length - 1))]! ^= 1 << bit;
  writeFileSync(path, bytes);
}

const damages: [string, (path: string) => void, RegExp][] = [];
for (const file of ["model.safetensors", "optimizer.safetensors", "state.json"]) {
  const changed = new RegExp(`^${file} was changed \\(its SHA-256 is not that in SHA256SUMS\\)$`);
  for (const [where, share] of [
    ["first", 0],
    ["middle", 0.5],
    ["last", 1],
  ] as const) {
    damages.push([
      `a bit of the ${where} byte of ${file}`,
      (path) => flipBit(join(path, file), share, 5),
      changed,
    ]);
  }
  damages.push([`${file} cut off`, (path) => truncateSync(join(path, file), 100), changed]);
  damages.push([`${file} with a byte more`, (path) => appendFileSync(join(path, file), " "), changed]);
  damages.push([`${file} gone`, (path) => unlinkSync(join(path, file)), new RegExp(`^${file} is missing$`)]);
}
// A digit of a digest, the case of one, a name, a line's end.
for (let bit = 0; bit < 8; bit++) {
  damages.push([
    `bit ${bit} of SHA256SUMS`,
    (path) => flipBit(join(path, "SHA256SUMS"), bit / 8, bit),
    /SHA256SUMS|is missing$/,
  ]);
}
damages.push(["SHA256SUMS gone", (path) => unlinkSync(join(path, "SHA256SUMS")), /^SHA256SUMS is missing$/]);

test("a damaged checkpoint is found, named and passed over, whatever is wrong with it", async () => {
  await runTiny(folder, "whole", device);
  const expected = await weights("whole");
  for (const [name, damage, reason] of damages) {
    await rm(join(folder, "run"), { recursive: true, force: true });
    await runTiny(folder, "run", device, { keepBest: null });
    const last = await lastOf("run");
    expect(basename(last)).toBe("step-000012");
    damage(last);
    await expect(readCheckpoint(last)).rejects.toThrow(DamagedCheckpointError);
    const { events } = await runTiny(folder, "run", device, { resume: true });
    expect(events.slice(0, 3)).toEqual([
      { type: "damaged", path: last, reason: expect.stringMatching(reason) },
      { type: "start", task: "regression", steps: 12, firstStep: 11 },
      { type: "resume", step: 10, path: join(checkpoints("run"), "step-000010") },
    ]);
    expect([name, await weights("run")]).toEqual([name, expected]);
    expect(readdirSync(checkpoints("run"))).toEqual(["step-000010", "step-000012"]);
  }
});

test("where no checkpoint is whole, each is named and nothing is changed", async () => {
  await runTiny(folder, "run", device, { keepBest: null });
  const [first, second] = await listCheckpoints(checkpoints("run"));
  flipBit(join(first!.path, "model.safetensors"), 0.5, 0);
  unlinkSync(join(second!.path, "state.json"));
  await expect(runTiny(folder, "run", device, { resume: true })).rejects.toThrow(
    `resume: no checkpoint in ${checkpoints("run")} is whole:\n` +
      `  ${second!.path}: state.json is missing\n` +
      `  ${first!.path}: model.safetensors was changed (its SHA-256 is not that in SHA256SUMS)\n` +
      "Nothing was changed. Bring one back from a copy, or start the run anew.",
  );
  expect(readdirSync(checkpoints("run"))).toEqual(["step-000010", "step-000012"]);
});

test("the model alone is read with its checksum, whatever the others are", async () => {
  await runTiny(folder, "run", device);
  const path = await lastOf("run");
  const { model } = await readCheckpoint(path);
  flipBit(join(path, "optimizer.safetensors"), 0.5, 0);
  expect(await readCheckpointModel(path)).toEqual(model);
  flipBit(join(path, "model.safetensors"), 0.5, 0);
  await expect(readCheckpointModel(path)).rejects.toThrow(
    `checkpoint: ${path} is not a whole checkpoint: model.safetensors was changed`,
  );
});

/** A file system with so many bytes; the disk is full in the middle of a write. */
function smallDisk(capacity: number): CheckpointFileSystem {
  let left = capacity;
  return {
    ...nodeFileSystem,
    async create(path) {
      const file = await nodeFileSystem.create(path);
      return {
        ...file,
        async write(bytes) {
          await file.write(bytes.subarray(0, Math.max(0, left)));
          left -= bytes.length;
          if (left < 0) throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
        },
      };
    },
  };
}

test("a disk that is full at any byte of a checkpoint: a clear error, and the checkpoint before stands", async () => {
  await runTiny(folder, "whole", device);
  const path = await lastOf("whole");
  const size = readdirSync(path).reduce((sum, name) => sum + readFileSync(join(path, name)).length, 0);
  for (const share of [0, 0.01, 0.2, 0.5, 0.9, 0.97]) {
    const name = `full-${share}`;
    const last = join(checkpoints(name), "step-000005");
    await expect(
      runTiny(folder, name, device, { fileSystem: smallDisk(size + Math.floor(share * size)) }),
    ).rejects.toThrow(
      `checkpoint: step 10 could not be written to ${checkpoints(name)}: the disk is full (ENOSPC). ` +
        `The last good one is ${last}: mend the disk, then resume from there.`,
    );
    expect(readdirSync(checkpoints(name))).toEqual(["step-000005"]);
    expect((await readCheckpoint(last)).state.step).toBe(5);
    await runTiny(folder, name, device, { resume: true });
    expect(await weights(name)).toEqual(await weights("whole"));
  }
  await expect(runTiny(folder, "none", device, { fileSystem: smallDisk(100) })).rejects.toThrow(
    /checkpoint: step 5 could not be written to .*: the disk is full \(ENOSPC\)\. None was written before\.$/,
  );
});

test("metrics that cannot be written: the error names the last good checkpoint, which can be resumed", async () => {
  const metrics = join(folder, "run", "metrics.jsonl");
  await expect(
    runTiny(folder, "run", device, {
      length: { steps: 60 },
      onEvent(event) {
        if (event.type !== "checkpoint" || event.step !== 5) return;
        // Nobody, the superuser included, appends to a folder.
        unlinkSync(metrics);
        mkdirSync(metrics);
      },
    }),
  ).rejects.toThrow(
    new RegExp(
      /metrics\.jsonl could not be written: .*EISDIR.* The last good checkpoint is .*step-\d{6}: /.source +
        /mend the disk, then resume from there\.$/.source,
    ),
  );
  rmdirSync(metrics);
  const { state } = await readCheckpoint(await lastOf("run"));
  const { events } = await runTiny(folder, "run", device, { length: { steps: 60 }, resume: true });
  expect(events[1]).toMatchObject({ type: "resume", step: state.step });
});

test("each call of the file system may fail: the run stops, and its last checkpoint stands", async () => {
  await runTiny(folder, "whole", device);
  for (const call of ["makeFolder", "create", "syncFolder", "rename"] as const) {
    let calls = 0;
    const failing: CheckpointFileSystem = {
      ...nodeFileSystem,
      [call]: async (...paths: [string, string]) => {
        // The calls of the first checkpoint succeed.
        if (paths[0].includes("step-000010")) calls++;
        if (calls > 0) throw Object.assign(new Error("i/o error"), { code: "EIO" });
        return nodeFileSystem[call](...paths);
      },
    };
    await expect(runTiny(folder, call, device, { fileSystem: failing })).rejects.toThrow(
      /checkpoint: step 10 could not be written to .*: the disk failed \(EIO\)\. The last good one is .*step-000005/,
    );
    expect(readdirSync(checkpoints(call))).toEqual(["step-000005"]);
    await runTiny(folder, call, device, { resume: true });
    expect(await weights(call)).toEqual(await weights("whole"));
  }
});

test("the last N and the best by a loss stay, also over a resume", async () => {
  const means = new Map<number, number>();
  // The loss falls to step 20; from there on, targets of other points make it rise.
  const source = points(device);
  const options: Partial<TrainOptions<Points>> = {
    length: { steps: 40 },
    batches: {
      ...source,
      async batch(step) {
        const batch = await source.batch(step);
        return step < 20 ? batch : { ...batch, targets: (await source.batch(step + 1000)).targets };
      },
    },
    onEvent: (event) => {
      if (event.type === "step") means.set(event.step, event.losses.total!);
    },
  };
  const stop = new AbortController();
  await runTiny(folder, "run", device, {
    ...options,
    signal: stop.signal,
    onEvent: (event) => {
      options.onEvent!(event);
      if (event.type === "checkpoint" && event.step === 30) stop.abort();
    },
  });
  const { result } = await runTiny(folder, "run", device, { ...options, resume: true });
  expect(result.bestCheckpoint).toBe(join(checkpoints("run"), "step-000020"));
  const kept = (await listCheckpoints(checkpoints("run"))).map(({ step }) => step);
  expect(kept).toEqual([20, 35, 40]);
  const { state } = await readCheckpoint(result.bestCheckpoint!);
  const mean = [16, 17, 18, 19, 20].reduce((sum, step) => sum + means.get(step)! / 5, 0);
  expect(state.means.total).toBeCloseTo(mean, 10);
});
