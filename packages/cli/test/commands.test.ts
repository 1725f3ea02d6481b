import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { readSafetensors } from "@splitmask/autograd";
import type { SimilarPictures, SimilarResult } from "@splitmask/pipelines";
import { averagesOf, readCheckpoint } from "@splitmask/trainer";
import { bin, lastLine, splitmask, tinyModel } from "./command.js";
import { writePictures } from "./pictures.js";

let folder: string;
let train: string;
let test_: string;
let run: string;

const small = [...tinyModel, "--depth", "2", "--vocabulary", "64", "--batch", "8"];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "splitmask-commands-"));
  train = join(folder, "train");
  test_ = join(folder, "test");
  run = join(folder, "run");
  await writePictures(train, 12);
  await writePictures(test_, 4, 12);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("pretrain", () => {
  test("trains, explains itself and leaves a whole run folder", async () => {
    const outcome = await splitmask([
      "pretrain",
      train,
      "--out",
      run,
      ...small,
      "--steps",
      "6",
      "--seed",
      "3",
    ]);
    expect(outcome.error).toBe("");
    expect(outcome.code).toBe(0);
    for (const text of [
      "24 pictures",
      "image size",
      "given",
      "tokenizer: 64 words, entropy",
      "step 1/6",
      "inpaint",
      "match",
      "report: ",
    ]) {
      expect(outcome.output).toContain(text);
    }
    expect((await readdir(run)).filter((name) => !name.startsWith("events")).sort()).toEqual([
      "checkpoints",
      "config.json",
      "encoder.safetensors",
      "metrics.jsonl",
      "report.html",
      "tokenizer.safetensors",
    ]);
    const metrics = (await readFile(join(run, "metrics.jsonl"), "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { step: number; losses: { total: number } });
    expect(metrics.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(metrics.every(({ losses }) => Number.isFinite(losses.total))).toBe(true);
    const page = await readFile(join(run, "report.html"), "utf8");
    for (const text of ["A predicts", "rollout", "Nearest neighbors", "Visual words", "guessing", "24"])
      expect(page).toContain(text);
  });

  test("--dry-run explains and estimates, and writes nothing", async () => {
    const out = join(folder, "planned");
    const args = ["pretrain", train, "--out", out, ...small, "--steps", "6", "--dry-run"];
    const outcome = await splitmask(args);
    expect([outcome.code, outcome.error]).toEqual([0, ""]);
    for (const text of [/24 pictures/, /steps +6 +given; 2\.00 epochs/, /only 24 pictures/]) {
      expect(outcome.output).toMatch(text);
    }
    expect(outcome.output).toMatch(
      new RegExp(
        /estimate\n {2}time +about .* s, until .*6 steps of \d+ ms, /.source +
          /[\d,.]+ pictures a second on 1 thread\n/.source +
          / {2}memory +about \d+ MiB +a step \d+ MiB, \d+ MiB of decoded pictures; .* are free\n/.source +
          / {2}disk +about \d+ MiB .* are free/.source,
      ),
    );
    const planned = await splitmask([...args, "--json"]);
    expect(planned.output.trimEnd()).not.toContain("\n");
    expect(lastLine(planned)).toMatchObject({
      config: { width: 32, depth: 2, steps: 6, mask: "uniform" },
      estimate: { steps: 6, disk: { cache: 0 } },
      pictures: { count: 24, shortSide: 40 },
      machine: { threads: 1 },
    });
    expect(existsSync(out)).toBe(false);
    const large = await splitmask([...args, "--keep-checkpoints", "1000000000"]);
    expect([large.code, large.error]).toEqual([
      0,
      expect.stringMatching(
        /the run folder takes about .* and only .* are free on its disk: free some space, /,
      ),
    ]);
    const refused = await splitmask([...args, "--resume"]);
    expect(refused.code).toBe(2);
    expect(refused.error).toContain("--dry-run and --resume contradict each other");
  });

  test("does not write over a run", async () => {
    const before = await readFile(join(run, "config.json"), "utf8");
    const outcome = await splitmask(["pretrain", train, "--out", run, ...small]);
    expect(outcome.code).toBe(2);
    expect(outcome.error).toContain(
      "already has a run. Continue it with --resume, replace it with --overwrite",
    );
    expect(await readFile(join(run, "config.json"), "utf8")).toBe(before);
  });

  test("goes on with nothing that is not there", async () => {
    for (const [options, text] of [
      [["--resume"], "is not a run folder (there is no config.json)"],
      [["--resume", "--overwrite"], "--resume and --overwrite contradict each other"],
    ] as const) {
      const outcome = await splitmask(["pretrain", train, "--out", join(folder, "nothing"), ...options]);
      expect([outcome.code, outcome.error]).toEqual([2, expect.stringContaining(text)]);
    }
  });

  test("stops cleanly on Ctrl-C and goes on with --resume, to the same weights as a run in one go", async () => {
    const out = join(folder, "stopped");
    const steps = ["--steps", "60", "--tokenizer", "k-means", "--tokenizer-patches", "500"];
    const stopped = await splitmask(
      ["pretrain", train, "--out", out, ...small, ...steps, "--json"],
      ["step  1/60", { signal: "SIGINT" }],
    );
    expect(stopped.error).toContain("stopping after this step");
    expect(stopped.code).toBe(130);
    const result = lastLine(stopped);
    expect(result).toMatchObject({ reason: "interrupted", steps: 60 });
    expect(result.step).toBeLessThan(60);

    const other = await splitmask(["pretrain", train, "--out", out, "--resume", "--batch", "4"]);
    expect(other.code).toBe(2);
    expect(other.error).toContain(
      "--resume: the run was started with other settings: batch was 8 and is now 4",
    );

    const resumed = await splitmask([
      "pretrain",
      train,
      "--out",
      out,
      "--resume",
      "--threads",
      "2",
      "--json",
    ]);
    expect(resumed.code).toBe(0);
    expect(resumed.error).toContain(`going on after step ${String(result.step)}`);
    expect(lastLine(resumed)).toMatchObject({ reason: "done", step: 60, steps: 60 });

    const whole = join(folder, "whole");
    expect((await splitmask(["pretrain", train, "--out", whole, ...small, ...steps, "--quiet"])).code).toBe(
      0,
    );
    const weights = (at: string) => readFile(join(at, "encoder.safetensors"));
    expect((await weights(out)).equals(await weights(whole))).toBe(true);
  });

  test("micro-batches take the same step, and a moving average is what is exported", async () => {
    const pretrain = async (name: string, ...options: string[]) => {
      const out = join(folder, name);
      const outcome = await splitmask([
        "pretrain",
        train,
        "--out",
        out,
        ...small,
        "--steps",
        "4",
        ...options,
      ]);
      expect([outcome.code, outcome.error]).toEqual([0, ""]);
      const metrics = await readFile(join(out, "metrics.jsonl"), "utf8");
      const first = JSON.parse(metrics.split("\n")[0]!) as { losses: Record<string, number> };
      return { out, losses: first.losses };
    };
    const whole = await pretrain("whole-batches");
    const parts = await pretrain(
      "micro-batches",
      ...["--accumulate", "4", "--ema", "0.9", "--weight-decay-end", "0.4", "--clip-mode", "tensor"],
    );
    for (const [name, loss] of Object.entries(whole.losses))
      expect([name, parts.losses[name]]).toEqual([name, expect.closeTo(loss, 4)]);
    const { model, optimizer } = await readCheckpoint(join(parts.out, "checkpoints", "step-000004"));
    const exported = (await readSafetensors(join(parts.out, "encoder.safetensors"))).tensors;
    const averages = averagesOf(optimizer);
    for (const [name, tensor] of exported) expect(tensor).toEqual(averages.get(`encoder.${name}`));
    expect(exported.get("pos_embed")).not.toEqual(model.get("encoder.pos_embed"));
  });

  test("a configuration file; the command line wins over it", async () => {
    const config = join(folder, "config.mjs");
    await writeFile(
      config,
      "export default { width: 32, depth: 1, heads: 2, imageSize: 32, patch: 8, vocabulary: 32, batch: 4, " +
        "steps: 50, mask: 'uniform', time: undefined };",
    );
    const out = join(folder, "configured");
    const outcome = await splitmask([
      "pretrain",
      train,
      "--out",
      out,
      "--config",
      config,
      "--steps",
      "2",
      "--tokenizer",
      "random-patches",
      "--tokenizer-patches",
      "64",
      "--json",
    ]);
    expect(outcome.code).toBe(0);
    expect(lastLine(outcome)).toMatchObject({ reason: "done", step: 2, steps: 2, skipped: 0 });
    const { config: resolved } = JSON.parse(await readFile(join(out, "config.json"), "utf8")) as {
      config: object;
    };
    expect(resolved).toMatchObject({
      depth: 1,
      batch: 4,
      steps: 2,
      mask: "uniform",
      tokenizer: "random-patches",
    });

    // The run's own file repeats it, with one change.
    const again = [
      "pretrain",
      train,
      "--config",
      join(out, "config.json"),
      "--depth",
      "2",
      "--dry-run",
      "--json",
    ];
    const repeated = await splitmask(again);
    const { config: decided } = lastLine(repeated) as { config: object };
    expect(decided).toMatchObject({
      depth: 2,
      batch: 4,
      steps: 2,
      mask: "uniform",
      tokenizer: "random-patches",
    });
    const other = ["finetune", out, "--train", train, "--test", train, "--config", join(out, "config.json")];
    expect((await splitmask([...other, "--dry-run"])).error).toContain(
      "config.json is that of a run of splitmask pretrain; expected one of splitmask finetune.",
    );
  });

  test("for a time", async () => {
    const out = join(folder, "timed");
    const outcome = await splitmask(["pretrain", train, "--out", out, ...small, "--time", "2s"]);
    expect(outcome.code).toBe(0);
    expect(outcome.output).toMatch(/\d+ steps fit in the time/);
    await rm(out, { recursive: true });
  });
});

describe("a trained run", () => {
  test.each(["knn", "probe"])("%s, trained and untrained", async (command) => {
    const args = [command, run, "--train", train, "--test", test_, "--threads", "1"];
    const trained = await splitmask([...args, "--json"]);
    expect(trained.code).toBe(0);
    expect(trained.output.trimEnd()).not.toContain("\n");
    const result = lastLine(trained);
    expect(result).toMatchObject({
      classes: ["across", "down"],
      train: 24,
      test: 8,
      chance: 0.5,
      step: 6,
      untrained: false,
    });
    expect(result.accuracy).toBeGreaterThanOrEqual(0);
    expect(Object.keys(result.perClass as object)).toEqual(["across", "down"]);
    if (command === "knn") expect(result).toMatchObject({ k: 20, temperature: 0.07 });

    const untrained = await splitmask([...args, "--untrained"]);
    expect(untrained.code).toBe(0);
    expect(untrained.output).toMatch(/accuracy of the untrained encoder: [\d.]+ %/);
  });

  test("embed writes a NumPy matrix and the paths of its rows", async () => {
    const out = join(folder, "features.npy");
    const outcome = await splitmask(["embed", run, test_, "--out", out, "--json"]);
    expect(outcome.code).toBe(0);
    expect(lastLine(outcome)).toMatchObject({ root: test_, count: 8, width: 32, skipped: 0 });
    const bytes = await readFile(out);
    expect(bytes.subarray(0, 8).toString("latin1")).toBe("\u0093NUMPY\u0001\u0000");
    expect(bytes.toString("latin1")).toContain("'shape': (8, 32)");
    const lines = (await readFile(join(folder, "features.jsonl"), "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as object);
    expect(lines).toHaveLength(8);
    expect(lines[0]).toMatchObject({ row: 0, path: join("across", "012.png"), label: "across" });
    const other = join(folder, "weights.npy");
    const rows = async (...weights: readonly string[]) => {
      expect((await splitmask(["embed", run, test_, "--out", other, "--json", ...weights])).code).toBe(0);
      const { buffer, byteOffset, byteLength } = Uint8Array.from(await readFile(other));
      return [...new Float32Array(buffer, byteOffset + byteLength - 4 * 8 * 32, 8 * 32)];
    };
    const float32 = await rows();
    expect(await rows("--weights", "float32")).toEqual(float32);
    for (const format of ["bfloat16", "int8"]) {
      const given = await rows("--weights", format);
      expect(given).not.toEqual(float32);
      for (const [place, value] of given.entries())
        expect(Math.abs(value - float32[place]!)).toBeLessThan(0.1);
    }
  });

  test("similar pictures of one, which is itself the most similar, and of a folder's", async () => {
    const picture = join(test_, "across", "012.png");
    const one = await splitmask(["similar", run, picture, "--in", test_, "--top", "3", "--json"]);
    expect(one.code).toBe(0);
    const { pictures, root } = lastLine(one) as unknown as SimilarResult;
    expect(root).toBe(test_);
    expect(pictures.map((each) => each.picture)).toEqual(["012.png"]);
    const [{ found }] = pictures as [SimilarPictures];
    expect(found).toHaveLength(3);
    expect(found[0]!.path).toBe(join("across", "012.png"));
    expect(found[0]!.similarity).toBeCloseTo(1, 5);
    expect(found.map(({ similarity }) => similarity).sort((a, b) => b - a)).toEqual(
      found.map(({ similarity }) => similarity),
    );
    const all = await splitmask(["similar", run, test_, "--in", test_]);
    for (const { path } of found) expect(all.output).toContain(path);
    expect(all.output.match(/most like/g)).toHaveLength(8);
    expect((await splitmask(["similar", run, picture])).error).toContain("required option '--in <folder>'");
  });

  test("a checkpoint folder stands for its run", async () => {
    const outcome = await splitmask([
      "embed",
      join(run, "checkpoints", "step-000006"),
      test_,
      "--out",
      join(folder, "again.npy"),
      "--json",
    ]);
    expect(outcome.code).toBe(0);
    expect(
      (await readFile(join(folder, "again.npy"))).equals(await readFile(join(folder, "features.npy"))),
    ).toBe(true);
  });

  test("report of other pictures", async () => {
    const out = join(folder, "other.html");
    const outcome = await splitmask(["report", run, "--pictures", test_, "--out", out, "--json"]);
    expect(outcome.code).toBe(0);
    expect(lastLine(outcome)).toEqual({ report: out });
    expect(await readFile(out, "utf8")).toContain("012.png");
  });
});

describe("help and doctor", () => {
  test.each(["pretrain", "knn", "probe", "predict", "embed", "report", "doctor"])(
    "%s --help has examples",
    async (command) => {
      const outcome = await splitmask([command, "--help"]);
      expect(outcome.code).toBe(0);
      expect(outcome.output).toContain(`Usage: splitmask ${command}`);
      expect(outcome.output).toContain(`Examples:\n  $ splitmask ${command}`);
      for (const option of ["--json", "--quiet"]) expect(outcome.output).toContain(option);
    },
  );

  test("the start is quick: help loads none of the heavy packages", async () => {
    const hooks = `import { appendFileSync } from "node:fs";
      export async function load(url, context, next) {
        appendFileSync(${JSON.stringify(join(folder, "loaded.txt"))}, url + "\\n");
        return next(url, context);
      }`;
    const register = `import { register } from "node:module";
      register("data:text/javascript," + encodeURIComponent(${JSON.stringify(hooks)}));`;
    const preload = `data:text/javascript,${encodeURIComponent(register)}`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--import", preload, bin, "--help"]);
    expect(stdout).toContain("Usage: splitmask");
    const loaded = (await readFile(join(folder, "loaded.txt"), "utf8")).trim().split("\n");
    expect(loaded).toContain(pathToFileURL(bin).href);
    const light = "/packages/data/dist/shownName.js"; // of the data package nothing but how names are written
    const others = loaded.filter((url) => !url.endsWith(light));
    const names = others.flatMap(
      (url) => /.*(?:node_modules|packages)\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? [],
    );
    expect([...new Set(names)].sort()).toEqual(["cli", "commander", "methods", "pipelines", "vit", "zod"]);
    expect(loaded.filter((url) => /\/(methods|pipelines|vit)\/dist\/index\.js$/.test(url))).toEqual([]);
  });

  test("doctor", async () => {
    const outcome = await splitmask(["doctor", "--json"]);
    expect(outcome.code).toBe(0);
    const { findings } = lastLine(outcome) as { findings: { name: string; ok: boolean; text: string }[] };
    expect(findings.map(({ name }) => name)).toEqual([
      "Node.js",
      "CPU",
      "instruction set",
      "threads",
      "addon",
      "self-test",
      "memory",
      "sharp",
    ]);
    expect(findings.every(({ ok }) => ok)).toBe(true);
    expect(findings.find(({ name }) => name === "addon")!.text).toMatch(/\.node$/);
    expect(existsSync(findings.find(({ name }) => name === "addon")!.text)).toBe(true);
  });
});
