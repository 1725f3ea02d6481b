import type { Device } from "./device.js";
import type { BufferArgument } from "./kernelArguments.js";
import { kernelCost } from "./kernelCosts.js";
import { activatedOperands, elementTypes, productPrecisions, reductions } from "./kernels/codes.js";
import type { Profile, ProfiledCall } from "./profile.js";
import { measureQueueCosts } from "./queueCosts.js";
import { type WorkKind, workKind } from "./workKind.js";

/**
 * How fast a device does the kinds of work that training consists of. {@link measureRates} measures it,
 * {@link estimateSeconds} uses it.
 */
export interface KernelRates {
  /** Operations per second of float32 products. */
  readonly products: number;
  /** Operations per second of products whose factors are rounded to bfloat16. */
  readonly bfloat16Products: number;
  /** Operations per second of attention, forward and backward. */
  readonly attention: number;
  /** The same, with factors rounded to bfloat16. */
  readonly bfloat16Attention: number;
  /** Bytes per second, read plus written, of all other kernels. */
  readonly bytes: number;
  /** The overhead of a call, in seconds. */
  readonly secondsPerCall: number;
}

/**
 * Estimates how long a device takes for the calls of a profile, in seconds. The profile is usually that of a dry
 * device, whose calls took no time. Time in which the queue waits for JavaScript is not included.
 * @param rates - those of the device whose time is estimated
 */
export function estimateSeconds(profile: Profile, rates: KernelRates): number {
  return profile.calls.reduce((seconds, call) => {
    const { amount, kind } = workOf(call);
    return seconds + amount / rates[kind] + rates.secondsPerCall;
  }, 0);
}

/** Operations or bytes of a call, whichever bounds it. */
function workOf(call: ProfiledCall): { readonly kind: WorkKind; readonly amount: number } {
  const kind = workKind(call);
  if (call.kind !== "kernel") return { kind, amount: 2 * call.bytes };
  const { operations, bytes } = kernelCost(call);
  return { kind, amount: kind === "bytes" ? bytes : operations };
}

/**
 * How many milliseconds the rounds go on, if they agree (`steady`) and if they do not, because other programs run
 * (`disturbed`), and the least number of rounds.
 */
const enough = { steady: 40, disturbed: 400, rounds: 4 };
/** Rounds agree if the median takes at most this many times as long as the best. */
const agreement = 1.2;

// Sizes of a small model: a large one gains little.
const [rows, width, hidden] = [1024, 128, 512];
/** The linear layers of a transformer block: what goes in and out, and whether GELU comes before. */
const layers = [
  { inputs: width, outputs: 3 * width, gelu: false },
  { inputs: width, outputs: width, gelu: false },
  { inputs: width, outputs: hidden, gelu: false },
  { inputs: hidden, outputs: width, gelu: true },
] as const;
/** In training, what a kernel reads is no longer in a cache. So a round moves this many bytes. */
const movedBytes = 128 << 20;
const movedRows = Math.floor(movedBytes / 2 / (4 * hidden));
const attentionShape = { batch: 32, tokens: 64, heads: 4, headWidth: 32 } as const;

/**
 * Measures how fast a device runs kernels of the table at sizes that occur in training. The lower quartile
 * of several rounds counts: other programs disturb it little, and no step is as undisturbed as the best round. Takes
 * half a second, or two if other programs run.
 * @param device - its queue should be empty; its pool grows by 192 MiB
 * @throws Error if its backend computes nothing or cannot profile.
 */
export async function measureRates(device: Device): Promise<KernelRates> {
  if (device.lacks("values")) {
    throw new Error(
      `measureRates: the ${device.backend} backend computes nothing; measure the device that will train.`,
    );
  }
  const held: BufferArgument[] = [];
  const space = (elements: number): BufferArgument => {
    const output = { buffer: device.allocate(4 * elements), byteOffset: 0 };
    held.push(output);
    device.run("fill", "float32", { output, size: elements, value: 0.01 });
    return output;
  };
  try {
    const [input, output] = [space(rows * hidden), space(rows * hidden)];
    const [weight, gradient] = [space(width * hidden), space(width * hidden)];
    const products = (precision: keyof typeof productPrecisions) => () => {
      for (const layer of layers) linear(device, layer, { input, output, weight, gradient }, precision);
    };
    const attend = attentionOf(device, space);
    return {
      products: await rateOf(device, products("float32")),
      bfloat16Products: await rateOf(device, products("bfloat16")),
      attention: await rateOf(device, attend("float32")),
      bfloat16Attention: await rateOf(device, attend("bfloat16")),
      bytes: await rateOf(device, movesOf(device, space)),
      secondsPerCall: (await measureQueueCosts(device)).secondsPerCall,
    };
  } finally {
    for (const { buffer } of held) buffer.dispose();
  }
}

/** A linear layer forward, and the gradients of its input and its weight. */
function linear(
  device: Device,
  { inputs, outputs, gelu }: (typeof layers)[number],
  memory: Readonly<Record<"input" | "output" | "weight" | "gradient", BufferArgument>>,
  precision: keyof typeof productPrecisions,
): void {
  const { input, output, weight, gradient } = memory;
  const common = {
    ...{ batch: 1, alpha: 1, beta: 0, precision: productPrecisions[precision] },
    ...{ aBatchStride: 0, bBatchStride: 0, outputBatchStride: 0 },
  } as const;
  device.run("gemm", "float32", {
    ...common,
    ...{
      output,
      a: input,
      b: weight,
      m: rows,
      n: outputs,
      k: inputs,
      activation: activatedOperands[gelu ? "a" : "none"],
    },
    ...{ transposeA: 0, transposeB: 1, aLeading: inputs, bLeading: inputs, outputLeading: outputs },
  });
  device.run("gemm", "float32", {
    ...common,
    ...{ output, a: input, b: weight, m: rows, n: inputs, k: outputs, activation: activatedOperands.none },
    ...{ transposeA: 0, transposeB: 0, aLeading: outputs, bLeading: inputs, outputLeading: inputs },
    preActivation: gelu ? input : null,
  });
  device.run("gemm", "float32", {
    ...common,
    ...{
      output: gradient,
      a: input,
      b: input,
      m: outputs,
      n: inputs,
      k: rows,
      activation: activatedOperands[gelu ? "b" : "none"],
    },
    ...{ transposeA: 1, transposeB: 0, aLeading: outputs, bLeading: inputs, outputLeading: inputs },
  });
}

function attentionOf(
  device: Device,
  space: (elements: number) => BufferArgument,
): (precision: keyof typeof productPrecisions) => () => void {
  const { batch, tokens, heads, headWidth } = attentionShape;
  const attended = batch * tokens * heads * headWidth;
  const [output, outputGradient] = [space(attended), space(attended)];
  const [qkv, qkvGradient] = [space(3 * attended), space(3 * attended)];
  const logSumExp = space(batch * heads * tokens);
  return (precision) => () => {
    const shape = { ...attentionShape, scale: headWidth ** -0.5, precision: productPrecisions[precision] };
    device.run("attention", "float32", { output, logSumExp, qkv, ...shape });
    device.run("attentionBackward", "float32", { qkvGradient, outputGradient, qkv, logSumExp, ...shape });
  };
}

/** Kernels that run between the products of a block. */
function movesOf(device: Device, space: (elements: number) => BufferArgument): () => void {
  const shape = { rows: movedRows, columns: hidden };
  const [input, output] = [space(movedRows * hidden), space(movedRows * hidden)];
  const [mean, rstd, weight, sums] = [space(movedRows), space(movedRows), space(hidden), space(hidden)];
  const norm = {
    output,
    mean,
    rstd,
    input,
    weight,
    bias: weight,
    ...shape,
    epsilon: 1e-6,
    outputType: elementTypes.dtype,
  };
  return () => {
    device.run("layerNorm", "float32", norm);
    device.run("scaleRows", "float32", { output, input, rowScale: mean, residual: input, ...shape });
    device.run("reduce", "float32", {
      ...{ output: sums, input, operation: reductions.sum, scale: 1 },
      ...{ outer: 1, reduced: movedRows, inner: hidden },
    });
  };
}

/** Operations or bytes per second of the calls of a round, each call timed at the lower quartile of its rounds. */
async function rateOf(device: Device, enqueue: () => void): Promise<number> {
  const rounds: (readonly ProfiledCall[])[] = [];
  const started = performance.now();
  for (;;) {
    device.startProfile();
    enqueue();
    rounds.push((await device.stopProfile()).calls);
    const calls = rounds[0]!.map((call, index) => ({
      amount: workOf(call).amount,
      durations: rounds.map((round) => round[index]!.duration).sort((a, b) => a - b),
    }));
    const sum = (value: (call: (typeof calls)[number]) => number) =>
      calls.reduce((total, call) => total + value(call), 0);
    const best = sum(({ durations }) => durations[0]!);
    const middle = sum(({ durations }) => durations[durations.length >> 1]!);
    const limit = enough[middle <= agreement * best ? "steady" : "disturbed"];
    if (rounds.length >= enough.rounds && performance.now() - started > limit) {
      return (1e9 * sum(({ amount }) => amount)) / sum(({ durations }) => durations[durations.length >> 2]!);
    }
  }
}
