import type { ImageBatch } from "@splitmask/augmentation";
import { slice, type Tensor, uniform } from "@splitmask/autograd";
import { createDevice, type Device, type DeviceMemory, type ProfiledCall } from "@splitmask/kernels";
import { Beit, Classifier, MaskedAutoencoder, SplitMask } from "@splitmask/methods";
import { RandomProjectionTokenizer } from "@splitmask/tokenizer";
import { type BatchSource, profileSteps, type TrainingTask } from "@splitmask/trainer";

const encoder = { imageSize: 32, patchSize: 8, width: 64, depth: 3, heads: 2 };
const batchSize = 16;

/** Noise that is drawn on the device, a picture's views and its class. */
function noise(device: Device): BatchSource<ImageBatch> {
  const view = (step: number): Tensor =>
    uniform(device, [batchSize, 3, 32, 32], { low: -1, high: 1, key: { seed: 1, purpose: "noise", step } });
  return {
    batchSize,
    batchesPerEpoch: 100,
    batch: async (step) => ({
      views: [view(2 * step), view(2 * step + 1)],
      labels: Int32Array.from({ length: batchSize }, (_, index) => index % 5),
      indices: new Int32Array(batchSize),
    }),
    slice: ({ views, labels, indices }, start, end) => ({
      views: views.map((each) => slice(each, 0, start, end)),
      labels: labels.slice(start, end),
      indices: indices.slice(start, end),
    }),
    release: ({ views }) => {
      for (const each of views) each.dispose();
    },
  };
}

const tokenizerOn = (device: Device) =>
  new RandomProjectionTokenizer(device, { patchSize: 8, vocabularySize: 100, seed: 0 });
const splitMask = (device: Device) => new SplitMask(device, { encoder, tokenizer: tokenizerOn(device) });
const beit = (device: Device) =>
  new Beit(device, {
    encoder: { ...encoder, positions: "none", relativePositionBias: "shared" },
    tokenizer: tokenizerOn(device),
  });
const masked = (device: Device) => new MaskedAutoencoder(device, { encoder });
const classifier = (device: Device) => new Classifier(device, { encoder, classes: 5 });

/** Three steps of training, profiled, on a device of a backend. */
async function stepsOn(
  backend: "native" | "dry",
  create: (device: Device) => TrainingTask<ImageBatch>,
  options: object,
): Promise<{ readonly calls: readonly ProfiledCall[]; readonly memory: DeviceMemory }> {
  const device = createDevice({ backend, threads: 2 });
  try {
    const { profile, memory } = await profileSteps<ImageBatch>({
      device,
      task: create(device),
      batches: noise(device),
      schedule: { base: 1e-3 },
      clipNorm: 1,
      warmUpSteps: 2,
      timedSteps: 1,
      profiledSteps: 3,
      ...options,
    });
    return { calls: profile.calls, memory };
  } finally {
    device.close();
  }
}

const withoutTimes = (calls: readonly ProfiledCall[]) =>
  calls.map((call) => ({ ...call, start: 0, duration: 0, threadWait: 0 }));

test.each([
  ["SplitMask", splitMask, {}],
  ["SplitMask in micro-batches, recomputing its blocks", splitMask, { accumulate: 2, recompute: true }],
  ["BEiT with a relative position bias", beit, {}],
  ["MAE", masked, {}],
  ["a classifier with a moving average of its weights", classifier, { ema: { decay: 0.99 } }],
] as const)(
  "three steps of %s cost on a dry device what they cost on a native one",
  async (_, create, options) => {
    const native = await stepsOn("native", create, options);
    const dry = await stepsOn("dry", create, options);
    expect(withoutTimes(dry.calls)).toEqual(withoutTimes(native.calls));
    // The few bytes of a loss that is still to be read may live a step longer on a real queue.
    expect(dry.memory.peakLiveBytes / native.memory.peakLiveBytes).toBeCloseTo(1, 3);
  },
);
