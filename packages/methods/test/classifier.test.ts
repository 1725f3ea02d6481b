import { fileURLToPath } from "node:url";
import { normal, type Tensor, tensor, zeros } from "@splitmask/autograd";
import { largestError, ModelFixture } from "@splitmask/autograd/testing";
import { createDevice } from "@splitmask/kernels";
import { Classifier, ClassifierModel, fineTuningRecipes } from "@splitmask/methods";
import { PackedParameters } from "@splitmask/nn";
import { AdamW, parameterGroups } from "@splitmask/optim";
import { train } from "@splitmask/trainer";
import { readEncoder, VisionTransformer } from "@splitmask/vit";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const encoder = { imageSize: 16, patchSize: 4, width: 16, depth: 2, heads: 2 };
const training = { training: true, seed: 0, step: 0 };
/** timm's name of a parameter of ours. */
const timmName = (name: string) => name.replace(/^encoder\./, "");

async function timmClassifier(smoothing = 0.1) {
  const fixture = await ModelFixture.read(new URL("fixtures/classifier.safetensors", import.meta.url));
  const task = new Classifier(device, { encoder, classes: 5, smoothing });
  const parameters = [...task.model.namedParameters().keys()];
  const weights = fixture.under("parameter.");
  expect(parameters.map(timmName).sort()).toEqual([...weights.keys()].sort());
  task.model.loadStateDict(new Map(parameters.map((name) => [name, weights.get(timmName(name))!])));
  const images = fixture.upload(device, "input.images");
  const labels = fixture.get("input.labels").data as Int32Array;
  const batch = { views: [images], labels, indices: new Int32Array(4) };
  return { fixture, task, batch, mixed: { ...batch, targets: fixture.upload(device, "input.targets") } };
}

describe("against timm's VisionTransformer with mean pooling", () => {
  test.each(["soft", "smoothed"] as const)("logits, loss and every named gradient, %s", async (kind) => {
    const { fixture, task, batch, mixed } = await timmClassifier();
    expect(await fixture.error(task.model.classify(batch.views[0]!), "output.logits")).toBeLessThan(1e-5);
    const { total, parts } = task.loss(kind === "soft" ? mixed : batch, training);
    total.backward();
    expect(await fixture.error(total, `${kind}.loss`)).toBeLessThan(1e-6);
    expect(Object.keys(parts)).toEqual(kind === "soft" ? [] : ["accuracy"]);
    const errors: Record<string, number> = {};
    for (const [name, { grad }] of task.model.namedParameters()) {
      errors[name] = await fixture.error(grad, `${kind}.gradient.${timmName(name)}`);
    }
    expect(errors).toEqual(
      Object.fromEntries(Object.keys(errors).map((name) => [name, expect.closeTo(0, 4)])),
    );
  });

  test("ten steps of AdamW with layer-wise learning rates: losses and weights", async () => {
    const { fixture, task, mixed } = await timmClassifier();
    const groups = parameterGroups(task.model, { weightDecay: 0.05, layerDecay: 0.65 });
    const optimizer = new AdamW(groups, {});
    const losses = fixture.get("steps.losses").data as Float32Array;
    for (const expected of losses) {
      const { total } = task.loss(mixed, training);
      total.backward();
      optimizer.step({ learningRate: 3e-3 });
      task.model.zeroGrad();
      expect(Math.abs((await total.item()) / expected - 1)).toBeLessThan(1e-5);
    }
    const errors: Record<string, number> = {};
    for (const [name, parameter] of task.model.namedParameters()) {
      const reference = fixture.get(`steps.parameter.${timmName(name)}`).data as Float32Array;
      const values = (await parameter.data()) as Float32Array;
      // A bias of the keys changes no attention: its gradient is rounding noise, which AdamW makes as large as any
      // other.
      const third = values.length / 3;
      const known = (all: Float32Array) =>
        name.endsWith("qkv.bias") ? [...all.slice(0, third), ...all.slice(2 * third)] : all;
      errors[name] = largestError(known(values), known(reference));
    }
    expect(errors).toEqual(
      Object.fromEntries(Object.keys(errors).map((name) => [name, expect.closeTo(0, 4)])),
    );
  });
});

test("fine-tuning from a file of timm's weights has timm's first losses", async () => {
  const fixture = await ModelFixture.read(new URL("fixtures/finetuning.safetensors", import.meta.url));
  const file = new URL("../../vit/test/fixtures/namings/timm-vit.safetensors", import.meta.url);
  const { config, tensors } = await readEncoder(fileURLToPath(file), { heads: 4 });
  const task = new Classifier(device, { encoder: config, classes: 3, smoothing: 0 });
  task.model.encoder.loadStateDict(new Map([...tensors].filter(([name]) => !name.startsWith("norm."))));
  task.model.head.loadStateDict(fixture.under("parameter.head."));
  const labels = fixture.get("input.labels").data as Int32Array;
  const batch = { views: [fixture.upload(device, "input.images")], labels, indices: new Int32Array(4) };
  const optimizer = new AdamW(parameterGroups(task.model, { weightDecay: 0 }), {});
  const losses: number[] = [];
  const expected = [...(fixture.get("losses").data as Float32Array)];
  for (const _ of expected) {
    const { total } = task.loss(batch, training);
    total.backward();
    optimizer.step({ learningRate: 1e-3 });
    task.model.zeroGrad();
    losses.push((await total.item()) as number);
  }
  expect(losses).toEqual(expected.map((loss) => expect.closeTo(loss, 3)));
});

test("accuracy is the share of the pictures that are classified rightly", async () => {
  const { task, batch } = await timmClassifier();
  const logits = (await task.model.classify(batch.views[0]!).data()) as Float32Array;
  const best = batch.labels.map((_, row) => {
    const scores = [...logits.slice(row * 5, row * 5 + 5)];
    return scores.indexOf(Math.max(...scores));
  });
  const accuracyWith = async (labels: Int32Array) =>
    (await task.loss({ ...batch, labels }, training).parts.accuracy!.item()) as number;
  expect(await accuracyWith(best)).toBe(1);
  expect(await accuracyWith(best.map((label, row) => (row === 0 ? (label + 1) % 5 : label)))).toBe(0.75);
});

test("a class token takes part but is not pooled", async () => {
  const withToken = new VisionTransformer(
    device,
    { ...encoder, classToken: true, finalNorm: false },
    { seed: 1 },
  );
  const model = new ClassifierModel(device, withToken, { classes: 3, headDeviation: 0.5, seed: 1 });
  const images = normal(device, [2, 3, 16, 16], { key: { seed: 2, purpose: "images" } });
  const tokens = (await withToken.forward(images).data()) as Float32Array;
  const pooled = new Float32Array(2 * 16);
  for (let row = 0; row < 2; row++)
    for (let token = 1; token < 17; token++)
      for (let channel = 0; channel < 16; channel++)
        pooled[row * 16 + channel]! += tokens[(row * 17 + token) * 16 + channel]! / 16;
  const expected = model.head.forward(model.fc_norm!.forward(tensor(device, pooled, [2, 16])));
  const given = (await model.classify(images).data()) as Float32Array;
  for (const [place, value] of (await expected.data()).entries()) expect(given[place]).toBeCloseTo(value, 4);
  const packed = new PackedParameters(model, "float32");
  expect(await model.classify(images, { packed }).data()).toEqual(given);
});

test("the head begins with the deviation that is given, and a seed draws its own", async () => {
  const headOf = async (headDeviation: number, seed: number) =>
    (await new Classifier(device, {
      encoder,
      classes: 64,
      headDeviation,
      seed,
    }).model.head.weight.data()) as Float32Array;
  const deviation = (values: Float32Array) =>
    Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
  const first = await headOf(0.02, 1);
  expect(deviation(first) / 0.02).toBeCloseTo(1, 1);
  expect(await headOf(0.02, 1)).toEqual(first);
  expect(await headOf(0.02, 2)).not.toEqual(first);
});

test("micro-batches of mixed pictures take the step of the whole batch", async () => {
  const weightsAfter = async (accumulate: number) => {
    const task = new Classifier(device, {
      encoder: { ...encoder, dropPath: 0.3 },
      classes: 5,
      headDeviation: 0.02,
    });
    const key = (purpose: string) => ({ key: { seed: 5, purpose } });
    await train({
      device,
      task,
      batches: {
        batchSize: 8,
        batchesPerEpoch: 1,
        batch: async () => ({
          views: [normal(device, [8, 3, 16, 16], key("images"))],
          targets: normal(device, [8, 5], key("targets")),
          labels: new Int32Array(8),
          indices: new Int32Array(8),
        }),
        slice: (batch, start, end) => ({
          ...batch,
          views: batch.views.map((view) => rows(view, start, end)),
          targets: rows(batch.targets!, start, end),
        }),
      },
      length: { steps: 2 },
      schedule: { base: 1e-3 },
      accumulate,
    });
    return (await task.model.encoder.patch_embed.proj.weight.data()) as Float32Array;
  };
  const whole = await weightsAfter(1);
  const parts = await weightsAfter(4);
  for (const [place, value] of whole.entries()) expect(parts[place]).toBeCloseTo(value, 5);
});

/** Rows of a tensor, copied. */
function rows(of: Tensor, start: number, end: number): Tensor {
  const size = of.size / of.shape[0]!;
  return of.alias([end - start, ...of.shape.slice(1)], start * size);
}

test.each([
  [
    () => new Classifier(device, { encoder, classes: 1 }),
    "ClassifierModel: classes is 1; expected a whole number of at least 2.",
  ],
  [
    () =>
      new Classifier(device, { encoder, classes: 3 }).loss(
        {
          views: [zeros(device, [2, 3, 16, 16])],
          labels: Int32Array.of(2, -1),
          indices: Int32Array.of(7, 9),
        },
        training,
      ),
    "Classifier: picture 9 has the label -1; expected 0 to 2. −1 is a picture without a label: " +
      "leave such pictures out with subset().",
  ],
  [
    () =>
      new Classifier(device, { encoder, classes: 3 }).loss(
        { views: [zeros(device, [2, 3, 16, 16])], labels: Int32Array.of(3, 0), indices: Int32Array.of(7, 9) },
        training,
      ),
    "Classifier: picture 7 has the label 3; expected 0 to 2. " +
      "The model was made for fewer classes than the data set has.",
  ],
  [
    () =>
      new Classifier(device, { encoder, classes: 3 }).loss(
        { views: [], labels: new Int32Array(0), indices: new Int32Array(0) },
        training,
      ),
    "Classifier: the batch has no view",
  ],
])("errors %#", (call, text) => {
  expect(call).toThrow(text);
});

test("the paper's recipes are those of table 9", () => {
  const { "paper-large": large, "paper-small": small } = fineTuningRecipes;
  const shared = {
    epochs: 300,
    batch: 1024,
    weightDecay: 0.05,
    labelSmoothing: 0.1,
    dropPath: 0.1,
    clip: 0,
    magnitudeStd: 0.5,
    mixup: 0.8,
    cutmix: 1,
    colorJitter: 0.4,
    erasing: 0,
    cropRatio: 0.875,
  };
  expect(large).toMatchObject({
    ...shared,
    learningRate: 1.4e-4,
    layerDecay: 1,
    warmupEpochs: 5,
    magnitude: 7,
    repeats: 3,
  });
  expect(small).toMatchObject({
    ...shared,
    learningRate: 4e-3,
    layerDecay: 0.65,
    warmupEpochs: 60,
    magnitude: 9,
    repeats: 1,
  });
});
