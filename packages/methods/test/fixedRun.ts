import type { ImageBatch } from "@splitmask/augmentation";
import {
  affine,
  concatenate,
  type HostTensor,
  type ProductPrecision,
  scope,
  type Tensor,
  tensor,
} from "@splitmask/autograd";
import { ModelFixture } from "@splitmask/autograd/testing";
import type { Device } from "@splitmask/kernels";
import { SplitMask, type Splits } from "@splitmask/methods";
import { AdamW, clipGradientNorm, cosineSchedule, parameterGroups } from "@splitmask/optim";
import { CodebookTokenizer, type Tokenizer } from "@splitmask/tokenizer";
import type { TrainingTask } from "@splitmask/trainer";

/** Batches and splits of the fixtures; later steps begin with the first again. */
export const fixedSteps = 10;

/** A method with fixed weights, batches and draws. */
export interface FixedRun<Part extends string = string> {
  readonly task: TrainingTask<ImageBatch>;
  /** What the reference recorded. */
  readonly fixture: ModelFixture;
  /** The names of the task's losses. */
  readonly parts: readonly Part[];
  /** The batch of a step. */
  batch(step: number): ImageBatch;
}

/** One that predicts words. */
export interface FixedWordRun<Part extends string = string> extends FixedRun<Part> {
  readonly task: TrainingTask<ImageBatch> & { readonly config: { readonly tokenizer: Tokenizer } };
}

/** Reads a fixture of this package. */
export const readFixture = (name: string) =>
  ModelFixture.read(new URL(`fixtures/${name}.safetensors`, import.meta.url));

/** int32 [step] of a fixture array steps×…. */
export function ofStep(on: Device, host: HostTensor, step: number): Tensor {
  const [, ...shape] = host.shape;
  const size = shape.reduce((product, extent) => product * extent, 1);
  const data = (host.data as Int32Array).slice(step * size, (step + 1) * size);
  return tensor(on, data as Int32Array<ArrayBuffer>, shape);
}

/** Pictures of a pool, bytes M×3×S×S, in [−1, 1]. */
function drawn(on: Device, pool: HostTensor, rows: Int32Array): Tensor {
  const [, ...shape] = pool.shape;
  const size = shape.reduce((product, extent) => product * extent, 1);
  const values = new Float32Array(rows.length * size);
  for (const [row, picture] of rows.entries())
    values.set((pool.data as Uint8Array).subarray(picture * size, (picture + 1) * size), row * size);
  return affine(tensor(on, values, [rows.length, ...shape]), 1 / 127.5, -1);
}

/**
 * The batch of a step of a fixture whose `draws` are steps×views×B.
 *
 * @param pools The names of the pictures that each view is drawn from.
 */
export function viewsBatch(
  on: Device,
  fixture: ModelFixture,
  step: number,
  pools: readonly string[],
): ImageBatch {
  const draws = fixture.get("draws");
  const pictures = draws.shape.at(-1)!;
  const views = pools.map((name, view) => {
    const first = (step * pools.length + view) * pictures;
    return drawn(on, fixture.get(name), (draws.data as Int32Array).subarray(first, first + pictures));
  });
  return { views, labels: new Int32Array(pictures).fill(-1), indices: new Int32Array(pictures) };
}

/** The same with one view, of `draws` that are steps×B of `pictures`. */
export const pictureBatch = (on: Device, fixture: ModelFixture, step: number) =>
  viewsBatch(on, fixture, step, ["pictures"]);

/** The tokenizer with a fixture's codebook. */
export const tokenizerOf = (device: Device, fixture: ModelFixture) =>
  new CodebookTokenizer(device, {
    name: "fixture",
    patchSize: 8,
    codebook: fixture.upload(device, "codebook"),
    transform: { pixelRange: "symmetric", center: "none", mean: null },
  });

/** The batches of a fixture, of which the encoder and the tokenizer see the same pixels. */
export function batchesOf(device: Device, fixture: ModelFixture): (step: number) => ImageBatch {
  return (number) => {
    const given = pictureBatch(device, fixture, number % fixedSteps);
    return { ...given, views: [given.views[0]!, given.views[0]!] };
  };
}

/** The task, weights, batches and splits of tools/reference/splitmask.py. */
export async function setUpFixedRun(
  device: Device,
): Promise<FixedRun<"inpaint" | "match"> & { readonly task: SplitMask }> {
  const [weights, fixture] = [await readFixture("splitmask-weights"), await readFixture("splitmask-steps")];
  const fixedSplits = (step: number): Splits => {
    const [first, second] = [
      ofStep(device, fixture.get("first"), step),
      ofStep(device, fixture.get("second"), step),
    ];
    const join = (a: Tensor, b: Tensor) => concatenate([a, b], 0);
    // Each branch hides what the other sees.
    return [{ branches: 2, visible: join(first, second), hidden: join(second, first) }];
  };
  const task = new SplitMask(device, {
    encoder: { imageSize: 32, patchSize: 8, width: 32, depth: 2, heads: 2, dropPath: 0 },
    tokenizer: tokenizerOf(device, fixture),
    splitSampler: (_device, { step }) => fixedSplits(step % fixedSteps),
  });
  task.model.loadStateDict(weights.under("parameter."));
  return { task, fixture, parts: ["inpaint", "match"], batch: batchesOf(device, fixture) };
}

/** The schedule of tools/reference/training_run.py for a run of so many steps. */
export const fixedRate = (steps: number) =>
  cosineSchedule({ base: 2e-3, minimum: 1e-5, warmupSteps: 2, totalSteps: steps, start: 1e-3 });

/** Trains as tools/reference/training_run.py does; gives each step's losses and gradient norm. */
export async function* trainFixedRun<Part extends string>(
  device: Device,
  { task, batch, parts: names }: Pick<FixedRun<Part>, "task" | "batch" | "parts">,
  steps: number,
  precision?: ProductPrecision,
): AsyncGenerator<Readonly<Record<"total" | "norm" | Part, number>>> {
  const optimizer = new AdamW(parameterGroups(task.model, { weightDecay: 0.05 }));
  const rate = fixedRate(steps);
  for (let step = 0; step < steps; step++) {
    const figures = scope(device, () => {
      const { total, parts } = task.loss(batch(step), { training: true, seed: 0, step, precision });
      optimizer.zeroGrad();
      total.backward();
      const { norm, scale } = clipGradientNorm(task.model.parameters(), 1);
      optimizer.step({ learningRate: rate(step), gradientScale: scale });
      return { total, norm, ...Object.fromEntries(names.map((name) => [name, parts[name]!])) };
    });
    const read = Object.entries(figures).map(async ([name, figure]) => [name, await figure.item()] as const);
    yield Object.fromEntries(await Promise.all(read)) as Record<"total" | "norm" | Part, number>;
  }
}

/** Relative errors by name: the largest as a text, and whether all are within a bound. */
export interface Comparison {
  readonly measured: string;
  readonly within: boolean;
}

function comparison(errors: ReadonlyMap<string, number>, bound: number): Comparison {
  const largest = [...errors].sort((a, b) => b[1] - a[1]).slice(0, 5);
  const measured = largest.map(([name, error]) => `${name} ${error.toExponential(2)}`).join(", ");
  return {
    measured: `largest relative errors: ${measured}`,
    within: largest.every(([, error]) => error <= bound),
  };
}

/** Losses, gradient norms and learning rates of the steps that the reference recorded. */
export async function compareSteps(device: Device, run: FixedRun, bound: number): Promise<Comparison> {
  const rate = fixedRate(fixedSteps);
  const errors = new Map<string, number>();
  let step = 0;
  for await (const figures of trainFixedRun(device, run, fixedSteps)) {
    for (const [name, value] of Object.entries({ rate: rate(step), ...figures })) {
      const expected = (run.fixture.get(name).data as Float32Array)[step]!;
      errors.set(name, Math.max(errors.get(name) ?? 0, Math.abs(value - expected) / Math.abs(expected)));
    }
    step++;
  }
  expect(step).toBe(fixedSteps);
  return comparison(errors, bound);
}

/** What a fixture has for a precision: words change where operands are rounded, and a curve with them. */
export const referenceName = (name: string, precision: ProductPrecision) =>
  precision === "float32" ? name : `${precision}.${name}`;

/** The tokenizer's words of all steps against those of the reference. */
export async function compareWords(
  { task, fixture, batch }: FixedWordRun,
  precision: ProductPrecision = "float32",
): Promise<void> {
  const words = fixture.get(referenceName("words", precision)).data as Int32Array;
  for (let step = 0; step < fixedSteps; step++) {
    const given = await task.config.tokenizer.tokenize(batch(step).views[1]!, { precision }).data();
    expect(Array.from(given)).toEqual(Array.from(words.slice(step * 128, (step + 1) * 128)));
  }
}
