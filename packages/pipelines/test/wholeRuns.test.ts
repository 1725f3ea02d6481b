import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { encoderView, maeMethod, methodNames } from "@splitmask/methods";
import {
  type Config,
  embed,
  evaluate,
  finetune,
  type PretrainResult,
  pretrain,
  silentTerminal,
  UsageError,
  writeReport,
} from "@splitmask/pipelines";
import sharp from "sharp";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "splitmask-runs-"));
  for (const [part, first] of Object.entries({ train: 0, test: 6 })) {
    for (const [label, name] of ["dark", "light"].entries()) {
      await mkdir(join(folder, part, name), { recursive: true });
      for (let number = first; number < first + 6; number++) {
        const background = { r: 120 * label + 9 * number, g: 130 * label, b: 11 * number };
        const picture = sharp({ create: { width: 24, height: 20, channels: 3, background } });
        await picture.png().toFile(join(folder, part, name, `${number}.png`));
      }
    }
  }
});
afterAll(() => rm(folder, { recursive: true }));

const at = (...names: string[]) => join(folder, ...names);
const size = { width: 16, depth: 2, heads: 2, imageSize: 16, patch: 4, batch: 4, threads: 1 } as const;

/** Pre-trains on the pictures for training. */
function run(out: string, config: Config, options: object = {}, terminal = silentTerminal) {
  return pretrain(
    { folder: at("train"), out: at(out), config: { ...size, ...config }, ...options },
    terminal,
  );
}

/** The file with the embeddings of the pictures for tests, by a run's encoder. */
async function features(name: string, untrained: boolean): Promise<Buffer> {
  const out = at(`${name}-${untrained}.npy`);
  await embed({ run: at(name), folder: at("test"), out, untrained, threads: 1 });
  return readFile(out);
}

/** A terminal that stops a run once it has told of its first step. */
function stopAfterFirst(): { readonly signal: AbortSignal; readonly terminal: typeof silentTerminal } {
  const stopping = new AbortController();
  const terminal = {
    ...silentTerminal,
    progress(text: string) {
      if (/step 1\b/.test(text)) stopping.abort();
    },
  };
  return { signal: stopping.signal, terminal };
}

const sources = (name: string) => ({ run: at(name), train: at("train"), test: at("test") });
const weightsOf = (name: string, file: string) => readFile(at(name, file));

/** What a method cannot do without. */
const needed: Readonly<Record<string, object>> = {
  distillation: {
    teacher: fileURLToPath(new URL("../../onnx/test/fixtures/teacher.onnx", import.meta.url)),
    teacherSize: 32,
  },
};

describe.each(methodNames)("a run of %s", (method) => {
  const name = `of-${method}`;
  const tuned = `${name}-tuned`;
  // A signal ends a run after the step at hand, and the next one may be at hand when the first is told.
  const steps = 3;
  const chosen = { method, ...needed[method] };
  let result: PretrainResult;
  beforeAll(async () => {
    result = await run(name, { ...chosen, steps });
  });

  test("is done, and evaluated", async () => {
    expect(result).toMatchObject({ reason: "done", step: steps, steps });
    expect(JSON.parse(await readFile(at(name, "config.json"), "utf8"))).toMatchObject({ method });
    const request = { ...sources(name), threads: 1 };
    const { knn, probe } = await evaluate(request, ["knn", "probe"], silentTerminal);
    for (const { accuracy, test, train, step } of [knn, probe]) {
      expect({ test, train, step }).toEqual({ test: 12, train: 12, step: steps });
      expect(accuracy).toBeGreaterThanOrEqual(0.5);
    }
  });

  test("goes on where a signal ended it, to the same bits", async () => {
    const stopped = `${name}-stopped`;
    const { signal, terminal } = stopAfterFirst();
    const interrupted = await run(stopped, { ...chosen, steps }, { signal }, terminal);
    expect(interrupted.reason).toBe("interrupted");
    expect(interrupted.step).toBeLessThan(steps);
    // The method is that of the run.
    const resumed = await run(stopped, {}, { resume: true });
    expect(resumed).toMatchObject({ reason: "done", step: steps });
    const [whole, parts] = [
      await weightsOf(name, "encoder.safetensors"),
      await weightsOf(stopped, "encoder.safetensors"),
    ];
    expect(parts.equals(whole)).toBe(true);
  });

  test("begins with the encoder that is called untrained", async () => {
    // A step that changes next to nothing.
    await run(`${name}-first`, { ...chosen, steps: 1, learningRate: 1e-20, weightDecay: 0 });
    const first = await features(`${name}-first`, false);
    expect(first.equals(await features(name, true))).toBe(true);
    expect(first.equals(await features(name, false))).toBe(false);
  });

  test("is fine-tuned, also after a signal, to the same bits", async () => {
    const config = { batch: 4, steps, threads: 1 } as const;
    const { evaluation, reason, step } = await finetune({ ...sources(name), out: at(tuned), config });
    expect({ reason, step, classes: evaluation?.classes }).toEqual({
      ...{ reason: "done", step: steps, classes: ["dark", "light"] },
    });
    const out = at(`${tuned}-stopped`);
    const { signal, terminal } = stopAfterFirst();
    const interrupted = await finetune({ ...sources(name), out, config, signal }, terminal);
    expect(interrupted).toMatchObject({ reason: "interrupted", evaluation: null });
    expect(interrupted.step).toBeLessThan(steps);
    await finetune({ ...sources(name), out, resume: true });
    const [whole, parts] = [
      await weightsOf(tuned, "model.safetensors"),
      await readFile(join(out, "model.safetensors")),
    ];
    expect(parts.equals(whole)).toBe(true);
  });

  test("whose config.json names a method that nobody knows is refused", async () => {
    const path = at(name, "config.json");
    const written = await readFile(path, "utf8");
    await writeFile(path, JSON.stringify({ ...JSON.parse(written), method: `${method}x` }));
    try {
      for (const refused of [features(name, true), run(name, {}, { resume: true })]) {
        const error = await refused.catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(UsageError);
        expect((error as Error).message).toContain(
          `the run was trained with "${method}x", which a program gave as an object`,
        );
      }
    } finally {
      await writeFile(path, written);
    }
  });
});

test("a report shows a method pictures in the method's own views", async () => {
  const seen: (readonly number[])[][] = [];
  const method = {
    ...maeMethod,
    name: "two-views",
    views: (settings: Parameters<typeof encoderView>[0]) => [
      encoderView(settings),
      { size: 12, mean: [0, 0, 0], std: [1, 1, 1] } as const,
    ],
    look(...[task, request]: Parameters<NonNullable<typeof maeMethod.look>>) {
      for (const { views } of [request.batch, ...request.gallery]) seen.push(views.map(({ shape }) => shape));
      return maeMethod.look!(task, request);
    },
  };
  await run("two-views", { method, steps: 1 });
  await writeReport({ run: at("two-views"), method, threads: 1 });
  const shapes = (pictures: number) => [16, 12].map((side) => [pictures, 3, side, side]);
  expect(seen).toEqual([shapes(6), shapes(12)]);
});
