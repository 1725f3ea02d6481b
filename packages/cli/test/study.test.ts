import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { copyFile, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import type { StudyResults } from "@splitmask/pipelines/study";
import { bin, lastLine, splitmask } from "./command.js";
import { picture, writePictures } from "./pictures.js";

let folder: string;
const at = (...names: string[]) => join(folder, ...names);

const size = { width: 16, heads: 2, depth: 1, imageSize: 16, patch: 4, batch: 4, vocabulary: 16 };
/** A row whose words are trained first. */
const learned = {
  ...{ label: "own words", settings: { method: "beit" }, evaluations: ["k-NN"] },
  tokenizer: { imageSize: 16, hiddenWidth: 4, blocks: 1, batch: 4, steps: 3 },
};
/**
 * Three rows with two seeds: 2 tokenizers, 4 pre-training runs, 2 folders of first weights, 6 k-NN and 4 fine-tuning
 * steps.
 */
const plan = {
  title: "A study",
  pictures: {
    pictures: { path: "pictures", subset: "75%" },
    train: { path: "pictures", heldOut: 0.25, part: "train" },
    test: { path: "pictures", heldOut: 0.25, part: "test" },
  },
  pretraining: { settings: { ...size, steps: 12, checkpointEvery: 2 } },
  seeds: 2,
  cells: [{ method: ["splitmask", learned, { label: "untrained", untrained: true }] }],
  evaluations: {
    "k-NN": { kind: "knn", k: 3 },
    "fine-tuned": {
      kind: "finetune",
      settings: { batch: 4, steps: 6, checkpointEvery: 2, mixup: 0, cutmix: 0 },
    },
  },
  baseline: "untrained",
};
const steps = 18;

const writePlan = (name: string, value: object) => writeFile(at(name), JSON.stringify(value));
const run = (out: string, ...args: string[]) => ["study", at("plan.json"), "--out", at(out), ...args];

/** How many of a plan's steps are done already. */
async function doneOf(out: string, value: object): Promise<unknown> {
  await writePlan("changed.json", value);
  const outcome = await splitmask(["study", at("changed.json"), "--out", at(out), "--dry-run", "--json"]);
  expect({ code: outcome.code, error: outcome.error }).toMatchObject({ code: 0 });
  return lastLine(outcome).done;
}

/** What a study measured, without times. */
function resultsOf(out: string): Omit<StudyResults, "seconds"> {
  const { seconds: _, ...results } = JSON.parse(
    readFileSync(at(out, "results", "plan.json"), "utf8"),
  ) as StudyResults;
  return results;
}

/** When each finished step was finished, by its file. */
function finishedSteps(out: string): Map<string, string> {
  const path = at(out, "steps");
  const names = existsSync(path) ? readdirSync(path).filter((name) => name.endsWith(".json")) : [];
  return new Map(
    names.map((name) => [name, (JSON.parse(readFileSync(join(path, name), "utf8")) as Finished).finished]),
  );
}
interface Finished {
  readonly finished: string;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "splitmask-study-"));
  await writePictures(at("pictures"), 12);
  await writePlan("plan.json", plan);
  const { code, error } = await splitmask(run("whole"));
  expect({ code, error }).toMatchObject({ code: 0 });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("tables, JSON and a page say what was measured", () => {
  const { figures, rows, steps: counted } = resultsOf("whole");
  expect(counted).toEqual({ done: steps, all: steps });
  expect(figures.map(({ name, test }) => [name, test])).toEqual([
    ["k-NN", 6],
    ["fine-tuned", 6],
  ]);
  expect(rows.map(({ label }) => label)).toEqual(["splitmask", "own words", "untrained"]);
  expect(rows[1]!.values[1]).toBeNull();
  for (const { label, values } of rows) {
    for (const value of values.filter((each) => each !== null)) {
      expect(value!.accuracies.map(({ seed }) => seed)).toEqual([0, 1]);
      const { comparison } = value!;
      if (label === "untrained") expect(comparison).toBeNull();
      else expect(comparison).toMatchObject({ seeds: 2, verdict: "too few seeds to tell" });
    }
  }
  const text = readFileSync(at("whole", "results", "plan.txt"), "utf8");
  expect(text).toMatch(/^A study\n/);
  expect(text).toMatch(/^splitmask +[\d.]+ ± [\d.]+ +[\d.]+ ± [\d.]+$/m);
  expect(text).toContain('k-NN, compared with "untrained"');
  expect(readFileSync(at("whole", "results", "plan.html"), "utf8")).toContain("<h1>A study</h1>");
});

test("what a step depends on is in its key, and nothing else", async () => {
  expect(await doneOf("whole", plan)).toBe(steps);
  const { settings } = plan.pretraining;
  const pretraining = (changed: object) => ({
    ...plan,
    pretraining: { settings: { ...settings, ...changed } },
  });
  // Figures that do not change what is computed.
  expect(await doneOf("whole", pretraining({ checkpointEvery: 5, keepCheckpoints: 3 }))).toBe(steps);
  // Untrained rows stay, with their evaluations, and so do tokenizers.
  expect(await doneOf("whole", pretraining({ learningRate: 1e-4 }))).toBe(8);
  expect(await doneOf("whole", pretraining({ depth: 2 }))).toBe(2);
  const longer = { ...learned, tokenizer: { ...learned.tokenizer, steps: 4 } };
  expect(await doneOf("whole", { ...plan, cells: [{ method: [longer] }], baseline: "own words" })).toBe(0);
  const k = { ...plan.evaluations, "k-NN": { kind: "knn", k: 4 } };
  expect(await doneOf("whole", { ...plan, evaluations: k })).toBe(12);
  const name = at("pictures", "down", "000.png");
  await copyFile(name, at("kept.png"));
  await utimes(name, 1, 1);
  expect(await doneOf("whole", plan)).toBe(steps);
  await writeFile(name, await picture(1, 50));
  expect(await doneOf("whole", plan)).toBeLessThan(steps);
  await copyFile(at("kept.png"), name);
  expect(await doneOf("whole", plan)).toBe(steps);
});

/** Starts the study and kills it, with all its files as they are, once something is there. */
async function killWhen(out: string, isThere: () => boolean): Promise<void> {
  const child = spawn(process.execPath, [bin, ...run(out)], { stdio: "ignore" });
  const closed = once(child, "close");
  while (!isThere() && child.exitCode === null) await setTimeout(2);
  child.kill("SIGKILL");
  await closed;
}

/** Whether a run of some kind has a checkpoint and is not finished. */
function isTraining(out: string, kind: string): boolean {
  const runs = at(out, "runs");
  if (!existsSync(runs)) return false;
  return readdirSync(runs).some((key) => {
    const config = join(runs, key, "config.json");
    const hasCheckpoint = existsSync(join(runs, key, "checkpoints"));
    if (!hasCheckpoint || !existsSync(config) || existsSync(at(out, "steps", `${key}.json`))) return false;
    return (JSON.parse(readFileSync(config, "utf8")) as { kind: string }).kind === kind;
  });
}

test("killed at any moment and started again, no finished step is repeated, and the table is the same", async () => {
  let before = new Map<string, string>();
  const kept = () => {
    const now = finishedSteps("killed");
    for (const [name, finished] of before) expect([name, now.get(name)]).toEqual([name, finished]);
    before = now;
  };
  const stopped = await splitmask(run("killed"), [`/${steps}] `, { signal: "SIGINT" }]);
  expect(stopped.code).toBe(130);
  expect(stopped.output).toContain("stopped; the same command goes on");
  kept();
  expect(before.size).toBeLessThan(steps);
  const moments = [
    () => isTraining("killed", "pretraining"),
    () => finishedSteps("killed").size > before.size,
    () => isTraining("killed", "classification"),
  ];
  for (const moment of moments) {
    await killWhen("killed", moment);
    kept();
  }
  const { code } = await splitmask(run("killed", "--processes", "2"));
  expect(code).toBe(0);
  kept();
  expect(resultsOf("killed")).toEqual(resultsOf("whole"));
  const { output } = await splitmask(run("killed"));
  expect(output).toContain(`${steps} steps, ${steps} of them done`);
  kept();
});

test("a process that dies fails its cell, and the others go on", async () => {
  const methods = pathToFileURL(createRequire(import.meta.url).resolve("@splitmask/pipelines/settings")).href;
  await writeFile(
    at("crash.mjs"),
    `import { loadMethod } from "${methods}";
    const mae = await loadMethod("mae");
    export default {
      ...mae,
      name: "crash",
      create(device, ...rest) {
        if (device.backend !== "dry") process.kill(process.pid, "SIGKILL");
        return mae.create(device, ...rest);
      },
    };`,
  );
  const { vocabulary: _, ...settings } = plan.pretraining.settings;
  await writePlan("crash.json", {
    ...plan,
    pretraining: { settings: { ...settings, steps: 2 } },
    seeds: [0],
    cells: [{ method: [{ label: "crash", settings: { method: "./crash.mjs" } }, "mae"] }],
    evaluations: { "k-NN": { kind: "knn" } },
    baseline: "mae",
  });
  const outcome = await splitmask(["study", at("crash.json"), "--out", at("crashed"), "--json"]);
  expect(outcome.code).toBe(1);
  const { failures, rows, steps: counted } = lastLine(outcome) as unknown as StudyResults;
  const reason = "its process was ended by SIGKILL";
  expect(failures).toEqual([{ step: "crash, seed 0: pre-training", message: reason }]);
  expect(outcome.error).toContain(`crash, seed 0: pre-training failed: ${reason}`);
  expect(counted).toEqual({ done: 2, all: 4 });
  expect(rows.map(({ values: [value] }) => value!.accuracies.length)).toEqual([0, 1]);
});

test("wrong command lines say what to do", async () => {
  const refused = async (...args: string[]) => {
    const { code, error } = await splitmask(["study", ...args]);
    expect(code).toBe(2);
    return error;
  };
  expect(await refused("ablatoin")).toContain('Did you mean "ablation"?');
  expect(await refused("ablation")).toContain("--train: expected the folder of labeled training pictures");
  expect(await refused(at("plan.json"), "--train", "x")).toContain("--train is for the studies of the paper");
  expect(await refused(at("none.json"))).toContain("there is no file");
});
