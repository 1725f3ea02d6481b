import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Device } from "@splitmask/kernels";
import {
  RunFolder,
  type TrainingEvent,
  type TrainOptions,
  type TrainResult,
  train,
} from "@splitmask/trainer";
import { type Points, points, regression } from "./tinyTask.js";

/** What a call of `train` gave. */
export interface TinyRun {
  readonly result: TrainResult;
  readonly events: readonly TrainingEvent[];
}

/** What the tests of the loop train with when they say nothing else. */
export function tinyOptions(device: Device): TrainOptions<Points> {
  return {
    device,
    task: regression(device),
    batches: points(device),
    length: { steps: 12 },
    schedule: { base: 0.01, minimum: 1e-4, warmupSteps: 3 },
    seed: 5,
    checkpointEvery: 5,
  };
}

/**
 * One call of `train` in a run folder of this name, which is made or opened. Events are collected in `events`, also
 * where it fails.
 */
export async function runTiny(
  folder: string,
  name: string,
  device: Device,
  changes: Partial<TrainOptions<Points>> = {},
  events: TrainingEvent[] = [],
): Promise<TinyRun> {
  const path = join(folder, name);
  const runFolder = existsSync(path) ? await RunFolder.open(path) : await RunFolder.create(path, { name });
  try {
    const result = await train<Points>({
      ...tinyOptions(device),
      runFolder,
      ...changes,
      onEvent(event) {
        events.push(event);
        changes.onEvent?.(event);
      },
    });
    return { result, events };
  } finally {
    await runFolder.close().catch(() => undefined);
  }
}
