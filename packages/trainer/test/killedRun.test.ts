import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RandomStream } from "@splitmask/autograd";
import { readMetrics } from "@splitmask/trainer";
import { valueSteps } from "./eventFile.js";

const program = new URL("killedRun.mjs", import.meta.url).pathname;
const steps = 150;
const checkpointEvery = 5;
const kills = 50;

let folder: string;
const running = new Set<ChildProcess>();
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "splitmask-killed-"));
});
afterAll(async () => {
  for (const child of running) child.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

/**
 * Where a process dies: at a call of the file system, by its own hand, or some milliseconds after it has opened the run
 * folder, by ours.
 */
type Moment =
  | {
      readonly call: "write" | "sync" | "rename";
      /** Only calls with a file of this name count. */
      readonly name?: string;
      readonly count: number;
      readonly after: boolean;
    }
  | { readonly milliseconds: number }
  | null;

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly error: string;
}

/** Trains in a process of its own. */
function start(
  path: string,
  moment: Moment,
  changes: { readonly steps?: number; readonly onLine?: (line: string, child: ChildProcess) => void } = {},
): Promise<Ended> {
  const killAt = moment !== null && "call" in moment ? moment : null;
  const spec = JSON.stringify({ steps: changes.steps ?? steps, checkpointEvery, killAt });
  const child = spawn(process.execPath, [program, path, spec], { stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  let error = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    error += text;
  });
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    for (const line of text.trim().split("\n")) {
      if (line === "open" && moment !== null && "milliseconds" in moment)
        setTimeout(() => child.kill("SIGKILL"), moment.milliseconds);
      changes.onLine?.(line, child);
    }
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      running.delete(child);
      resolve({ code, signal, error });
    });
  });
}

function weights(path: string): Buffer[] {
  const checkpoint = join(path, "checkpoints", `step-${String(steps).padStart(6, "0")}`);
  return ["model.safetensors", "optimizer.safetensors"].map((file) => readFileSync(join(checkpoint, file)));
}

/** What a finished run left, without what differs from one to another: times, and where it was interrupted. */
async function traces(path: string) {
  const metrics = await readMetrics(join(path, "metrics.jsonl"));
  return {
    weights: weights(path),
    losses: metrics.map(({ gradientNorm, learningRate, losses, step }) => [
      step,
      losses,
      learningRate,
      gradientNorm,
    ]),
    events: readdirSync(path)
      .filter((name) => name.includes("tfevents"))
      .flatMap((name) => valueSteps(join(path, name)))
      .sort((a, b) => a - b),
    rest: readdirSync(path).filter((name) => !name.includes("tfevents")),
    checkpoints: readdirSync(join(path, "checkpoints")),
  };
}

test("SIGKILL at 50 random moments, also in writing checkpoints: the same weights, metrics and events", async () => {
  const whole = join(folder, "whole");
  expect(await start(whole, null)).toEqual({ code: 0, signal: null, error: "" });
  const expected = await traces(whole);
  expect(expected.events).toEqual(Array.from({ length: steps }, (_, index) => index + 1));
  expect(expected.rest).toEqual(["checkpoints", "config.json", "metrics.jsonl"]);

  let killed = 0;
  let chains = 0;
  for (let round = 0; killed < kills; chains++) {
    const path = join(folder, `chain-${chains}`);
    // A run that comes to its end before it is killed ends a chain of kills.
    for (;;) {
      const stream = new RandomStream({ seed: 11, purpose: "kill", step: round++, sample: 0 });
      const kind = stream.integer(4);
      const moment: Moment =
        killed === kills
          ? null
          : kind === 0
            ? { milliseconds: stream.integer(120) }
            : {
                call: (["write", "sync", "rename"] as const)[kind - 1]!,
                count: 1 + stream.integer(kind === 3 ? 6 : 24),
                after: stream.integer(2) === 1,
              };
      const { code, error, signal } = await start(path, moment);
      expect(error).toBe("");
      if (signal === "SIGKILL") killed++;
      else {
        expect(code).toBe(0);
        break;
      }
    }
    expect(await traces(path)).toEqual(expected);
  }
  expect(killed).toBe(kills);
});

test("killed when the last checkpoint has its name, before earlier ones go: the next run removes them", async () => {
  const whole = join(folder, "pruned");
  expect(await start(whole, null)).toEqual({ code: 0, signal: null, error: "" });
  const path = join(folder, "unpruned");
  const named = { call: "rename", name: "step-000150", count: 1, after: true } as const;
  expect((await start(path, named)).signal).toBe("SIGKILL");
  expect(await start(path, null)).toEqual({ code: 0, signal: null, error: "" });
  expect(await traces(path)).toEqual(await traces(whole));
});

test("two trainers at once: the second is refused and names the first; when that is killed, it goes on", async () => {
  const path = join(folder, "shared");
  let refused: Ended | null = null;
  let owner: number | undefined;
  const first = await start(path, null, {
    steps: 1_000_000,
    onLine: (line, child) => {
      if (line !== "step 5") return;
      owner = child.pid;
      void start(path, null).then((ended) => {
        refused = ended;
        child.kill("SIGKILL");
      });
    },
  });
  expect(first.signal).toBe("SIGKILL");
  expect(refused!.code).toBe(1);
  expect(refused!.error).toMatch(
    new RegExp(`run folder: process ${owner} on .* has been writing here since .*Wait for it, stop it`),
  );
  const { step } = (await readMetrics(join(path, "metrics.jsonl"))).at(-1)!;
  const next = await start(path, null, { steps: step + 20 });
  expect(next).toEqual({ code: 0, signal: null, error: "" });
  expect(readdirSync(path)).not.toContain("lock.json");
});
