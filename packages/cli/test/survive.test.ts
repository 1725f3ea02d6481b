import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readCheckpoint } from "@splitmask/trainer";
import { lastLine, splitmask, tinyModel } from "./command.js";
import { writePictures } from "./pictures.js";

let folder: string;
let pictures: string;

const small = [...tinyModel, "--depth", "1", "--vocabulary", "64", "--batch", "8", "--seed", "3"];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "splitmask-survive-"));
  pictures = join(folder, "pictures");
  await writePictures(pictures, 12);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const pretrain = (out: string, ...options: string[]) => [
  "pretrain",
  pictures,
  "--out",
  join(folder, out),
  ...small,
  ...options,
];
const encoder = (out: string) => readFileSync(join(folder, out, "encoder.safetensors"));
const checkpoints = (out: string) => readdirSync(join(folder, out, "checkpoints"));

test("SIGTERM finishes the step, saves, and ends with 143; the run goes on to the same weights", async () => {
  const stopped = await splitmask(pretrain("stopped", "--steps", "80"), [
    "step  1/80",
    { signal: "SIGTERM" },
  ]);
  expect(stopped.code).toBe(143);
  expect(stopped.output).toContain("go on with: splitmask pretrain");
  const [name] = checkpoints("stopped");
  const { state } = await readCheckpoint(join(folder, "stopped", "checkpoints", name!));
  expect(state.step).toBeLessThan(80);
  expect((await splitmask(pretrain("stopped", "--resume"))).code).toBe(0);
  expect((await splitmask(pretrain("whole", "--steps", "80"))).code).toBe(0);
  expect(encoder("stopped").equals(encoder("whole"))).toBe(true);
});

test("a second signal ends at once, and every checkpoint is whole", async () => {
  const stopping = "stopping after this step, with a checkpoint (Ctrl-C again: at once)";
  // An evaluation comes before the checkpoint of its step, so that there are two by then; the second signal comes with
  // the answer to the first.
  const watched = ["--monitor", pictures, "--monitor-every", "1", "--checkpoint-every", "1"];
  const twice = await splitmask(
    pretrain("twice", "--steps", "500", ...watched),
    ["step 3: knnAccuracy", { signal: "SIGINT" }],
    [stopping, { signal: "SIGTERM" }],
  );
  expect(twice.code).toBe(143);
  expect(twice.output).toContain(stopping);
  expect(twice.output).not.toContain("go on with");
  const whole = checkpoints("twice").filter((each) => /^step-\d+$/.test(each));
  expect(whole).toContain("step-000002");
  for (const name of whole) {
    await readCheckpoint(join(folder, "twice", "checkpoints", name));
  }
});

test("a run that was killed before its tokenizer was there goes on to the same weights", async () => {
  mkdirSync(join(folder, "killed"));
  copyFileSync(join(folder, "whole", "config.json"), join(folder, "killed", "config.json"));
  expect((await splitmask(pretrain("killed", "--resume"))).code).toBe(0);
  expect(encoder("killed").equals(encoder("whole"))).toBe(true);
});

test("a damaged checkpoint is named and passed over", async () => {
  await splitmask(pretrain("damaged", "--steps", "20", "--checkpoint-every", "8"));
  const path = join(folder, "damaged", "checkpoints", "step-000020", "model.safetensors");
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1]! ^= 4;
  writeFileSync(path, bytes);
  const knn = await splitmask(["knn", join(folder, "damaged"), "--train", pictures, "--test", pictures]);
  expect(knn.code).toBe(1);
  expect(knn.error).toContain("step-000020 is not a whole checkpoint: model.safetensors was changed");
  const resumed = await splitmask(pretrain("damaged", "--resume", "--json"));
  expect(resumed.code).toBe(0);
  expect(resumed.error).toMatch(
    /warning: the checkpoint .*step-000020 is damaged and was skipped: model\.safetensors was changed/,
  );
  expect(resumed.error).toContain("going on after step 16");
  expect(lastLine(resumed)).toMatchObject({ reason: "done", step: 20 });
});

test("--on-nan and --keep-checkpoints are settings that may change over a resume", async () => {
  const wrong = await splitmask(pretrain("wrong", "--on-nan", "hope"));
  expect(wrong.code).toBe(2);
  expect(wrong.error).toContain('--on-nan: got "hope", expected one of "stop", "skip", "rollback".');
  const every = ["--steps", "12", "--checkpoint-every", "2", "--keep-checkpoints", "3", "--on-nan", "skip"];
  expect((await splitmask(pretrain("kept", ...every))).code).toBe(0);
  expect(checkpoints("kept").slice(-3)).toEqual(["step-000008", "step-000010", "step-000012"]);
  const resumed = await splitmask(pretrain("kept", "--resume", "--on-nan", "rollback"));
  expect(resumed.code).toBe(0);
});
