import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { callMain, lastLine, splitmask, tinyModel } from "./command.js";
import { writePictures } from "./pictures.js";

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
const json = (...names: string[]) => JSON.parse(readFileSync(at(...names), "utf8"));

const small = [...tinyModel, ..."--depth 1 --vocabulary 64 --batch 8 --steps 40 --seed 3".split(" ")];
const labelled = (place: string) => ["--train", at(place, "train"), "--test", at(place, "test")];
const tuning = "--batch 8 --steps 40 --threads 1 --seed 3".split(" ");

/** A finished run, and one that Ctrl-C stopped, of pre-training and of fine-tuning, whose pictures have moved since. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "splitmask-moved-"));
  await writePictures(at("here", "train"), 8);
  await writePictures(at("here", "test"), 2, 8);
  const pretrain = (out: string, ...options: string[]) => [
    ...["pretrain", at("here", "train"), "--out", at(out), ...small, ...options],
  ];
  const monitor = ["--monitor", at("here", "train"), "--monitor-test", at("here", "test")];
  const stop = ["step  1/40", { signal: "SIGINT" }] as const;
  expect((await callMain(pretrain("whole"))).code).toBe(0);
  expect((await splitmask(pretrain("stopped", ...monitor), stop)).code).toBe(130);
  const finetune = (out: string) => [
    "finetune",
    at("whole"),
    ...labelled("here"),
    "--out",
    at(out),
    ...tuning,
  ];
  expect((await callMain(finetune("tuned"))).code).toBe(0);
  expect((await splitmask(finetune("untuned"), stop)).code).toBe(130);
  cpSync(at("here"), at("there"), { recursive: true });
  renameSync(at("here"), at("gone"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const resume = (pictures: string, ...options: string[]) =>
  callMain(["pretrain", at(pictures, "train"), "--out", at("stopped"), "--resume", "--json", ...options]);

test("other pictures are refused, and it says what differs", async () => {
  cpSync(at("there"), at("other"), { recursive: true });
  const [across, down] = ["across", "down"].map((name) => at("other", "train", name, "003.png"));
  const started =
    `the pictures in ${at("other", "train")} are not those that the run was started with, from ` +
    `${at("here", "train")}: `;
  const bytes = readFileSync(across!);
  writeFileSync(across!, Buffer.concat([bytes.subarray(0, -1), Buffer.from([bytes.at(-1)! ^ 1])]));
  const changed = await resume("other");
  expect([changed.code, changed.error]).toEqual([
    2,
    expect.stringContaining(`${started}changed: "across/003.png". Put them back, or start a new run`),
  ]);
  writeFileSync(across!, bytes);
  rmSync(down!);
  const fewer = await resume("other");
  expect([fewer.code, fewer.error]).toEqual([
    2,
    expect.stringContaining(`${started}there were 16 pictures and now are 15; missing: "down/003.png".`),
  ]);
});

test("a run goes on with pictures that were moved, its monitor's too, to the same weights", async () => {
  // Before, a report does not find them.
  const lost = await callMain(["report", at("stopped")]);
  expect(lost.code).toBe(1);
  expect(lost.error).toContain(`there is no folder ${at("here", "train")}`);
  expect(lost.error).toContain("if they have moved, give their new path with --pictures.");
  const resumed = await resume("there");
  expect([resumed.code, lastLine(resumed)]).toMatchObject([0, { reason: "done", step: 40 }]);
  expect(resumed.error).toContain(
    `the pictures were in ${at("here", "train")} and are now in ${at("there", "train")}: the same 16, by the ` +
      "names and sizes of all files and the content of 16",
  );
  expect(resumed.error).not.toContain("warning");
  const encoder = (run: string) => readFileSync(at(run, "encoder.safetensors"));
  expect(encoder("stopped").equals(encoder("whole"))).toBe(true);
  // The run folder knows the new place.
  expect(json("stopped", "config.json")).toMatchObject({
    pictures: { path: at("there", "train") },
    config: { monitor: at("there", "train"), monitorTest: at("there", "test") },
  });
  expect((await callMain(["report", at("stopped")])).code).toBe(0);
});

test("a monitor that shows other pictures is a warning", async () => {
  const place = at("there", "test", "down", "008.png");
  const bytes = readFileSync(place);
  rmSync(place);
  const resumed = await resume("there");
  expect(resumed.code).toBe(0);
  expect(resumed.error).toContain(
    "the monitor's pictures are not those that the run was started with, so that its figures do not " +
      'compare with the earlier ones: there were 4 pictures and now are 3; missing: "down/008.png".',
  );
  writeFileSync(place, bytes);
});

test("fine-tuning goes on with moved pictures and encoder, to the same weights; others are refused", async () => {
  cpSync(at("whole"), at("encoder"), { recursive: true });
  const go = (run: string, place: string) =>
    callMain(["finetune", at(run), ...labelled(place), "--out", at("untuned"), "--resume", "--json"]);
  const other = ["pretrain", at("there", "train"), "--out", at("other run"), ...small, "--seed", "4"];
  expect((await callMain([...other, "--steps", "1"])).code).toBe(0);
  const refused = await go("other run", "there");
  expect([refused.code, refused.error]).toEqual([
    2,
    expect.stringContaining(
      `the encoder's weights of ${at("other run")} are not those that the run was started with, of ` +
        `${at("whole")} after 40 steps.`,
    ),
  ]);
  expect((await go("encoder", "there")).code).toBe(0);
  const model = (run: string) => readFileSync(at(run, "model.safetensors"));
  expect(model("untuned").equals(model("tuned"))).toBe(true);
  expect(json("untuned", "config.json")).toMatchObject({
    pretrained: { run: at("encoder"), steps: 40 },
    pictures: { path: at("there", "train") },
    test: { path: at("there", "test") },
  });
  const swapped = await callMain([
    ...["finetune", at("encoder"), "--train", at("there", "test"), "--test", at("there", "test")],
    ...["--out", at("untuned"), "--resume"],
  ]);
  expect([swapped.code, swapped.error]).toEqual([
    2,
    expect.stringContaining(
      `the training pictures in ${at("there", "test")} are not those that the run was started with, from ` +
        `${at("there", "train")}: there were 16 pictures and now are 4; missing: "across/000.png"`,
    ),
  ]);
});
