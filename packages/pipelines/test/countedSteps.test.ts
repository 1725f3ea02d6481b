import { fileURLToPath } from "node:url";
import { arrayDataset, type ImageBatch, type ImageDataset } from "@splitmask/data";
import { createDevice, type Device, estimateSeconds } from "@splitmask/kernels";
import { type EncoderTask, labelledMethods, methodNames, methods } from "@splitmask/methods";
import {
  type ClassificationSettings,
  decideSettings,
  pretrainingCosts,
  type TrainingCost,
} from "@splitmask/pipelines";
import { type BatchSource, profileSteps } from "@splitmask/trainer";
import ndarray from "ndarray";
import { resolveFinetune } from "../src/settings/resolveFinetune.js";
import { resolveTokenizerRun } from "../src/settings/resolveTokenizerRun.js";
import {
  classificationStep,
  costsOf,
  pretrainingStep,
  tokenizerStep,
  trainingLoop,
} from "../src/training/runStep.js";
import { countingRates, machineOf } from "./machines.js";

const [batch, classes, side] = [16, 5, 36];
const shape = { width: 64, depth: 2, heads: 2, imageSize: 32, patch: 4 } as const;
const counting = { ...machineOf(2, 24), rates: countingRates };
const teacher = fileURLToPath(new URL("../../onnx/test/fixtures/teacher.onnx", import.meta.url));
const normalization = { mean: [0.5, 0.5, 0.5], std: [0.3, 0.3, 0.3] } as const;

/** Pictures of one gray, with labels. */
const pictures = arrayDataset(
  Array.from({ length: 2 * batch }, () => ndarray(new Uint8Array(3 * side * side).fill(90), [side, side, 3])),
  {
    labels: Int32Array.from({ length: 2 * batch }, (_, index) => index % classes),
    classes: Array.from({ length: classes }, (_, label) => String(label)),
  },
);
// Room for these and no more, so that the peak is the step's.
const cacheBytes = 2 * batch * (3 * side * side + 64);

/** What a step that is computed takes. */
async function nativeStep<Batch extends ImageBatch>(
  create: (device: Device) => EncoderTask<Batch> | Promise<EncoderTask<Batch>>,
  batchesOf: (device: Device, dataset: ImageDataset) => BatchSource<Batch> & { close(): void },
  loop: ReturnType<typeof trainingLoop>,
): Promise<Pick<TrainingCost, "memoryBytes" | "parameters"> & { readonly operations: number }> {
  const device = createDevice({ backend: "native", threads: 2 });
  const batches = batchesOf(device, pictures);
  try {
    const task = await create(device);
    const { memory, profile } = await profileSteps<Batch>({
      ...loop,
      ...{ device, task, batches, healthEvery: 0, warmUpSteps: 2, timedSteps: 1, profiledSteps: 2 },
    });
    return {
      operations: estimateSeconds(profile, countingRates) / 2,
      memoryBytes: memory.peakLiveBytes - cacheBytes,
      parameters: task.model.parameterCount,
    };
  } finally {
    batches.close();
    device.close();
  }
}

function expectSame(
  counted: TrainingCost,
  computed: Awaited<ReturnType<typeof nativeStep>>,
  { accumulate = 1 }: { readonly accumulate?: number },
): void {
  // Many micro-batches are extended from few, but the pairs of a batch grow with its square.
  const within = accumulate === 1 ? 0 : 1e-4;
  expect(Math.abs(counted.secondsPerStep / computed.operations - 1)).toBeLessThanOrEqual(within);
  expect(counted.parameters).toBe(computed.parameters);
  expect(Math.abs(counted.memoryBytes / computed.memoryBytes - 1)).toBeLessThan(0.03);
}

const ways = [{}, { accumulate: 8, recompute: true, ema: 0.9 }] as const;

test.each(methodNames.flatMap((name) => ways.map((way) => [name, way] as const)))(
  "a step of %s is counted as it is computed: %j",
  async (name, way) => {
    // A method passes over what it does not have.
    const given = { method: name, ...shape, batch, vocabulary: 64, teacher, steps: 10, ...way } as const;
    const facts = { count: 10_000, shortSide: side, classes };
    const { config, method } = await decideSettings(given, facts, counting);
    const settings = { ...config, ...normalization };
    const computed = await nativeStep(
      async (device) => method.create(device, settings, await method.preparation?.standIn(device, settings)),
      (device, dataset) => pretrainingStep(method).batches(device, dataset, settings, { cacheBytes }),
      trainingLoop(config, method.recipe),
    );
    expectSame(await pretrainingCosts(methods[name], counting)(config), computed, way);
  },
);

test.each(ways)("a step of a classifier is counted as it is computed: %j", async (way) => {
  const { imageSize, patch: patchSize, ...size } = shape;
  const encoder = { ...size, imageSize, patchSize };
  const costOf = costsOf(classificationStep(encoder, classes), counting);
  const facts = { count: 10_000, encoder: { ...shape, layerScale: null }, fromScratch: false };
  const { config } = await resolveFinetune({ batch, steps: 10, ...way }, facts, costOf);
  const settings: ClassificationSettings & typeof normalization = { ...config, ...normalization };
  const computed = await nativeStep(
    (device) =>
      labelledMethods.classifier.create(device, {
        ...settings,
        encoder: { ...encoder, dropPath: config.dropPath },
        classes,
      }),
    (device, dataset) =>
      classificationStep(encoder, classes).batches(device, dataset, settings, { cacheBytes }),
    trainingLoop(config, classificationStep(encoder, classes)),
  );
  expectSame(await costOf(config), computed, way);
});

test("a step of a tokenizer is counted as it is computed", async () => {
  const costOf = costsOf(tokenizerStep, counting);
  const given = { batch, steps: 10, imageSize: 32, hiddenWidth: 8, blocks: 1, vocabulary: 64 };
  const { config } = await resolveTokenizerRun(given, { count: 10_000 }, costOf);
  const settings = { ...config, ...normalization };
  const computed = await nativeStep(
    (device) => tokenizerStep.create(device, settings),
    (device, dataset) => tokenizerStep.batches(device, dataset, settings, { cacheBytes }),
    trainingLoop(config, {}),
  );
  expectSame(await costOf(config), computed, {});
});
