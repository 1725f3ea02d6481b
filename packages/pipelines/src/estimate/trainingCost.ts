import { noGrad, scope, zeros } from "@splitmask/autograd";
import { arrayDataset, type ImageBatch, type ImageDataset } from "@splitmask/data";
import {
  createDevice,
  type Device,
  estimateSeconds,
  type KernelRates,
  type Profile,
} from "@splitmask/kernels";
import type { EncoderTask } from "@splitmask/methods";
import { type BatchSource, type ProfileStepsOptions, profileSteps } from "@splitmask/trainer";
import { VisionTransformer } from "@splitmask/vit";
import ndarray from "ndarray";

/** What a training step takes, counted on a dry device. */
export interface TrainingCost {
  /** A step, in seconds. */
  readonly secondsPerStep: number;
  /** What is computed for its batch before it, apart from the device, in seconds. */
  readonly secondsToPrepare: number;
  /** The most that is in use on the device at once, in bytes. */
  readonly memoryBytes: number;
  /** Numbers of the whole model. */
  readonly parameters: number;
  /** Numbers of the encoder alone. */
  readonly encoderParameters: number;
  /** What the method prepares and keeps, in bytes. */
  readonly preparedBytes: number;
  /** What it takes to embed a picture without training, in seconds. */
  readonly secondsPerLook: number;
}

/** A step that can be counted: made of what the run itself is made of. */
export interface CountedStep {
  /** Makes something of the shapes of what the method prepares. */
  readonly standIn: (device: Device) => unknown;
  readonly create: (device: Device, parts: unknown) => EncoderTask;
  /** Makes the batches of some pictures: so many at a time, which are kept in so many bytes. */
  readonly batches: (
    device: Device,
    dataset: ImageDataset,
    options: { readonly batch: number; readonly cacheBytes: number },
  ) => BatchSource<ImageBatch> & { close(): void };
  readonly loop: Omit<ProfileStepsOptions<ImageBatch>, "device" | "task" | "batches">;
  /** Pictures a step. */
  readonly batch: number;
  /** Number of classes; 0: no labels. */
  readonly classes: number;
}

/** Micro-batches beyond these cost what the last one does. */
const countedMicroBatches = 3;
/** Pictures that are embedded at a time. */
const lookedAt = 64;
/** Side of the pictures that batches are made of, in pixels: what they take themselves is estimated apart. */
const side = 16;
/** What one takes where it is kept, in bytes. */
const pictureBytes = 3 * side * side;

/**
 * Counts a training step by running it on a dry device, which computes nothing: task, loop and batches are the run's,
 * so that it holds for every method.
 */
export async function trainingCost(step: CountedStep, rates: KernelRates): Promise<TrainingCost> {
  const { accumulate = 1 } = step.loop;
  if (accumulate <= countedMicroBatches) return dryStep(step, rates);
  const micro = step.batch / accumulate;
  const [fewer, more] = await Promise.all(
    [countedMicroBatches - 1, countedMicroBatches].map((count) =>
      dryStep({ ...step, batch: count * micro, loop: { ...step.loop, accumulate: count } }, rates),
    ),
  );
  const extended = (figure: "secondsPerStep" | "secondsToPrepare" | "memoryBytes") =>
    more![figure] + (accumulate - countedMicroBatches) * (more![figure] - fewer![figure]);
  return {
    ...more!,
    secondsPerStep: extended("secondsPerStep"),
    secondsToPrepare: extended("secondsToPrepare"),
    memoryBytes: extended("memoryBytes"),
  };
}

async function dryStep(
  { batch, batches: makeBatches, classes, create, loop, standIn }: CountedStep,
  rates: KernelRates,
): Promise<TrainingCost> {
  const device = createDevice({ backend: "dry", threads: 1 });
  const picture = ndarray(new Uint8Array(pictureBytes), [side, side, 3]);
  const dataset = arrayDataset(
    Array.from({ length: batch }, () => picture),
    classes === 0
      ? {}
      : {
          labels: new Int32Array(batch),
          classes: Array.from({ length: classes }, (_, label) => String(label)),
        },
  );
  let batches: ReturnType<typeof makeBatches> | null = null;
  try {
    batches = makeBatches(device, dataset, { batch, cacheBytes: batch * pictureBytes });
    const before = device.memory().liveBytes;
    const parts = await standIn(device);
    const preparedBytes = device.memory().liveBytes - before;
    const task = create(device, parts);
    const { memory, profile } = await profileSteps({
      ...loop,
      ...{ device, task, batches, healthEvery: 0, warmUpSteps: 1, timedSteps: 1, profiledSteps: 1 },
    });
    const { encoder, parameterCount } = task.model;
    return {
      secondsPerStep: estimateSeconds(profile, rates),
      secondsToPrepare: batch * (task.secondsToPrepare ?? 0),
      memoryBytes: memory.peakLiveBytes,
      preparedBytes,
      parameters: parameterCount,
      encoderParameters: encoder.parameterCount,
      // A tokenizer's pictures are not embedded.
      secondsPerLook:
        encoder instanceof VisionTransformer
          ? estimateSeconds(await lookOf(device, encoder), rates) / lookedAt
          : 0,
    };
  } finally {
    batches?.close();
    device.close();
  }
}

/** A profile of embedding some pictures. */
async function lookOf(device: Device, encoder: VisionTransformer): Promise<Profile> {
  const [height, width] = encoder.config.imageSize;
  device.startProfile();
  scope(device, () => {
    noGrad(device, () => encoder.encode(zeros(device, [lookedAt, encoder.config.channels, height, width])));
  });
  return device.stopProfile();
}
