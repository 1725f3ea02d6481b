import { freemem, totalmem } from "node:os";
import {
  linearCrossEntropy,
  type ProductPrecision,
  scope,
  type Tensor,
  tensor,
  uniform,
} from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { type Parameter, TransformerBlock } from "@splitmask/nn";
import type { MachineFacts, TrainingRates } from "../settings/facts.js";

/** Memory that this process may have, in bytes. */
export type MemoryFacts = Pick<MachineFacts, "memoryBytes" | "freeBytes">;

/** What Node.js says of the container's limit and of free memory; both came with later releases of Node.js 20. */
type MemoryOfNode = {
  readonly constrainedMemory?: () => number | undefined;
  readonly availableMemory?: () => number;
};

/** The machine's memory, or the container's limit where that is lower; and how much of it is free. */
function memoryFacts(): MemoryFacts {
  const node = process as unknown as MemoryOfNode;
  // 0 or a number beyond all memory: no limit.
  const limit = node.constrainedMemory?.() || Number.POSITIVE_INFINITY;
  const memoryBytes = Math.min(limit, totalmem());
  return { memoryBytes, freeBytes: Math.min(node.availableMemory?.() ?? freemem(), memoryBytes) };
}

/**
 * Milliseconds after which no further round is timed, where the rounds agree, and where other programs disturb them.
 */
const longEnough = { steady: 150, disturbed: 600 };
/** Rounds agree where the middle one takes at most so many times as long as the best. */
const agreement = 1.2;
const fewestRounds = 3;
const tokens = 64;
const width = 128;
const words = 2048;

/**
 * Times the two kinds of work that a training step is made of, for about a fifth of a second: a transformer block and a
 * vocabulary head, forward and backward, of the sizes that a small run has.
 *
 * @param device Whose threads compute.
 * @param precision Number format of the large products.
 * @returns Operations a second of each, the best of some rounds: what the machine can do, whatever else runs on it at
 *   the moment.
 */
async function measureRates(device: Device, precision: ProductPrecision = "float32"): Promise<TrainingRates> {
  const rows = 8 * tokens * device.threads;
  const hidden = rows / 2;
  const draw = (shape: number[], purpose: string) =>
    uniform(device, shape, { low: -0.05, high: 0.05, key: { seed: 0, purpose: `speed.${purpose}` } });
  const block = new TransformerBlock(device, { width, heads: 4, seed: 0, purpose: "speed.block" });
  const blockParameters = [...block.namedParameters().values()];
  const x = draw([rows / tokens, tokens, width], "tokens");
  const head = { x: draw([hidden, width], "hidden"), weight: draw([words, width], "head") };
  const targets = tensor(device, new Int32Array(hidden), [hidden]);
  for (const leaf of [x, head.x, head.weight]) leaf.requiresGrad = true;
  const context = { training: true, seed: 0, step: 0, precision };

  const timed = async (leaves: readonly (Tensor | Parameter)[], work: () => void) => {
    const started = performance.now();
    scope(device, work);
    await device.synchronize();
    for (const leaf of leaves) {
      leaf.grad?.dispose();
      leaf.grad = null;
    }
    return (performance.now() - started) / 1000;
  };
  const round = async () => ({
    blocks: await timed([x, ...blockParameters], () => {
      const output = block.forward(x, context);
      output.backward(x.detach());
    }),
    words: await timed([head.x, head.weight], () =>
      linearCrossEntropy(head.x, head.weight, null, targets, { precision }).backward(),
    ),
  });
  try {
    await round(); // fills caches and the pool
    const started = performance.now();
    const rounds: TrainingRates[] = [];
    const goesOn = () => {
      const steady = [seconds(rounds, "blocks"), seconds(rounds, "words")].every(
        ({ best, middle }) => middle <= agreement * best,
      );
      return performance.now() - started < longEnough[steady ? "steady" : "disturbed"];
    };
    while (rounds.length < fewestRounds || goesOn()) rounds.push(await round());
    const linear = 24 * rows * width ** 2;
    const attention = 4 * rows * tokens * width;
    return {
      blocks: (3 * linear + 3.5 * attention) / seconds(rounds, "blocks").best,
      words: (6 * hidden * width * words) / seconds(rounds, "words").best,
    };
  } finally {
    for (const held of [x, head.x, head.weight, targets, ...blockParameters]) held.dispose();
  }
}

/** The best and the middle round. */
function seconds(rounds: readonly TrainingRates[], kind: keyof TrainingRates) {
  const sorted = rounds.map((each) => each[kind]).sort((a, b) => a - b);
  return { best: sorted[0]!, middle: sorted[sorted.length >> 1]! };
}

/**
 * Looks at the machine: its threads, its memory, and how fast it trains.
 *
 * @param device Whose threads compute.
 * @param precision Number format of the large products.
 */
export async function examineMachine(
  device: Device,
  precision: ProductPrecision = "float32",
): Promise<MachineFacts> {
  return { threads: device.threads, ...memoryFacts(), rates: await measureRates(device, precision) };
}
