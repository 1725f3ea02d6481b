import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseSafetensors } from "@splitmask/autograd";
import { readCheckpoint, readEvaluations } from "@splitmask/trainer";
import { callMain, lastLine, tinyModel } from "./command.js";
import { writePictures } from "./pictures.js";

let folder: string;
let pictures: string;
let tests: string;

const small = [...tinyModel, "--depth", "1", "--vocabulary", "64", "--batch", "8", "--steps", "12"];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "splitmask-monitor-"));
  pictures = join(folder, "pictures");
  tests = join(folder, "tests");
  await writePictures(pictures, 15);
  await writePictures(tests, 4, 20);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const pretrain = (out: string, ...options: string[]) =>
  callMain(["pretrain", pictures, "--out", join(folder, out), ...small, "--json", ...options]);
const evaluations = async (out: string) =>
  (await readEvaluations(join(folder, out, "metrics.jsonl"))).map(({ evaluation, step }) => [
    step,
    evaluation,
  ]);
const encoder = (out: string) => readFileSync(join(folder, out, "encoder.safetensors"));

test("--monitor tells the k-NN accuracy during training, keeps the best checkpoint, and changes no bit", async () => {
  const monitored = await pretrain("monitored", "--monitor", pictures, "--monitor-every", "5");
  expect(monitored.code).toBe(0);
  expect(monitored.error).toContain(`k-NN on ${pictures} every 5 steps`);
  expect(monitored.error).toMatch(/step 5: knnAccuracy [01]\.\d{3} \(/);
  expect(monitored.error).toMatch(/step 12\/12 {2}loss .* {2}knnAccuracy [01]\.\d{3} {2}lr/);
  const found = await evaluations("monitored");
  expect(found.map(([step]) => step)).toEqual([5, 10, 12]);
  const last = found.at(-1)![1] as { knnAccuracy: number };
  // Ten of thirty pictures are held out: stripes that lie or stand are told apart by colors alone better than by
  // chance.
  expect(last.knnAccuracy * 10).toBeCloseTo(Math.round(last.knnAccuracy * 10), 6);
  expect(lastLine(monitored)).toMatchObject({ reason: "done", lastEvaluation: last });
  const { bestCheckpoint } = lastLine(monitored) as { bestCheckpoint: string };
  const { state } = await readCheckpoint(bestCheckpoint);
  const best = Math.max(...found.map(([, figures]) => (figures as { knnAccuracy: number }).knnAccuracy));
  expect(state.evaluation).toEqual({ knnAccuracy: best });
  expect((await pretrain("plain")).code).toBe(0);
  expect(encoder("monitored").equals(encoder("plain"))).toBe(true);
  expect(await evaluations("plain")).toEqual([]);
});

test("--monitor-test and --monitor-pictures say what is looked at, and may change over a resume", async () => {
  const first = await pretrain("tested", "--monitor", pictures, "--monitor-test", tests);
  expect(first.code).toBe(0);
  // Ten times in a run: every second step.
  expect((await evaluations("tested")).map(([step]) => step)).toEqual([2, 4, 6, 8, 10, 12]);
  const again = await callMain([
    ...["pretrain", pictures, "--out", join(folder, "tested"), "--resume", "--json"],
    ...["--monitor-pictures", "9", "--monitor-every", "4"],
  ]);
  expect(again.code).toBe(0);
});

test("what a monitor cannot be", async () => {
  const none = await pretrain("none", "--monitor-every", "5");
  expect(none.code).toBe(2);
  expect(none.error).toContain("monitorEvery: it needs monitor, a folder of labeled pictures.");
  const unlabelled = await pretrain("unlabelled", "--monitor", join(pictures, "down"));
  expect(unlabelled.code).toBe(1);
  expect(unlabelled.error).toContain(
    `--monitor: ${join(pictures, "down")} has no class folders; expected one folder of pictures a class, at least two`,
  );
  expect(readdirSync(folder)).not.toContain("unlabelled");
});

test("--schedule, --optimizer, --layer-decay and --freeze train otherwise, and a checkpoint knows them", async () => {
  const options =
    "--schedule multi-step --milestones 8,4 --optimizer sgd --learning-rate 0.02 --momentum 0.8";
  const frozen = [
    "--checkpoint-every",
    "6",
    "--layer-decay",
    "0.7",
    "--freeze",
    "encoder.patch_embed.*,decoder.*",
  ];
  const trained = await pretrain("sgd", ...options.split(" "), ...frozen);
  expect(trained.code).toBe(0);
  const { state } = await readCheckpoint(join(folder, "sgd", "checkpoints", "step-000012"));
  expect(state.settings).toMatchObject({
    schedule: { kind: "multiStep", base: 0.02, milestones: [4, 8], factor: 0.1 },
    optimizer: { kind: "sgd", momentum: 0.8, weightDecay: 0, layerDecay: 0.7 },
    freeze: ["encoder.patch_embed.*", "decoder.*"],
  });
  const { model } = await readCheckpoint(join(folder, "sgd", "checkpoints", "step-000006"));
  const weights = parseSafetensors(encoder("sgd"), "sgd").tensors;
  const [patches, norm] = ["patch_embed.proj.weight", "norm.weight"];
  expect(weights.get(patches)!.data).toEqual(model.get(`encoder.${patches}`)!.data);
  expect(weights.get(norm)!.data).not.toEqual(model.get(`encoder.${norm}`)!.data);
  const resumed = await callMain(["pretrain", pictures, "--out", join(folder, "sgd"), "--resume", "--json"]);
  expect(resumed.code).toBe(0);
  const other = ["--resume", "--optimizer", "lars", "--learning-rate", "0.02"];
  const wrong = await callMain(["pretrain", pictures, "--out", join(folder, "sgd"), ...other]);
  expect(wrong.code).toBe(2);
  expect(wrong.error).toContain('optimizer was "sgd" and is now "lars"');
});
