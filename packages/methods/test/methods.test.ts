import { fileURLToPath } from "node:url";
import { normal, type Tensor } from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";
import {
  type CommonSettings,
  Decisions,
  encoderConfig,
  encoderView,
  findMethod,
  type LookRequest,
  labelledMethods,
  type Method,
  methodNames,
  methods,
} from "@splitmask/methods";
import { VisionTransformer } from "@splitmask/vit";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const pictures = 8;
const patches = 16;
// In the middle of a run nothing is frozen any more.
const context = { training: true, seed: 5, step: 0, progress: 0.5 };

/** Every setting of a method, decided; of its own, some may be given. */
async function settingsOf(method: Method, given: object) {
  const facts = { count: 10_000, classes: 5, imageSize: 32, patch: 8, patches, batch: pictures };
  const decisions = new Decisions();
  const examined = { ...given, ...(await method.examine?.(given)) };
  const own = method.decide(examined, facts, decisions) as Record<string, unknown>;
  const common: CommonSettings = {
    ...{
      width: 24,
      depth: 2,
      heads: 3,
      imageSize: 32,
      patch: 8,
      layerScale: null,
      batch: pictures,
      precision: "float32",
      seed: 5,
    },
    ...{ dropPath: method.recipe.dropPath, cropScale: method.recipe.cropScale, flip: 0.5 },
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
  };
  return { own, decisions, settings: { ...common, ...own } };
}

function pictureView(size: number, seed = 1): Tensor {
  return normal(device, [pictures, 3, size, size], { key: { seed, purpose: `view ${size}` } });
}

/** A method made for a tiny run, and a batch of its views. */
async function setUp(name: string, given: object) {
  const method = findMethod(name);
  const { settings } = await settingsOf(method, given);
  const task = method.create(device, settings, await method.preparation?.standIn(device, settings));
  const views = (method.views?.(settings) ?? [encoderView(settings)]).map(({ size }) => pictureView(size));
  const labels = Int32Array.from({ length: pictures }, (_, index) => index % 5);
  return { method, settings, task, batch: { views, labels, indices: new Int32Array(pictures) } };
}

const numbers = async (x: Tensor) => Array.from(await x.data());

test("are found by their names, which differ from each other and from those of methods that learn from labels", () => {
  for (const [key, method] of [...Object.entries(methods), ...Object.entries(labelledMethods)]) {
    expect(method.name).toBe(key);
  }
  const names = [...methodNames, ...Object.keys(labelledMethods)];
  expect(new Set(names).size).toBe(names.length);
  const titles = methodNames.map((name) => findMethod(name).title);
  expect(new Set(titles).size).toBe(titles.length);
  expect(findMethod().name).toBe("splitmask");
  expect(() => findMethod("beiit")).toThrow(
    `method: there is no method "beiit". Did you mean "beit"? Known methods: ${methodNames.join(", ")};`,
  );
});

const fixture = (name: string) =>
  fileURLToPath(new URL(`../../onnx/test/fixtures/${name}.onnx`, import.meta.url));

const rows: [string, object][] = [
  ...methodNames.map((name): [string, object] => [
    name,
    name === "distillation" ? { teacher: fixture("teacher"), teacherSize: 32 } : {},
  ]),
  ["distillation", { teacher: fixture("teacher"), teacherSize: 32, teacherOutput: "pooled" }],
  ["beit", { relativePositionBias: "shared" }],
  ["mae", { normalizePixels: false }],
];

describe.each(rows)("%s %o", (name, given) => {
  test("decides each of its own settings, with a reason for what it notes", async () => {
    const method = findMethod(name);
    const { decisions, own } = await settingsOf(method, given);
    expect(own).toMatchObject(given);
    for (const [key, type] of Object.entries(method.fields))
      expect([key, own[key] === null || type.safeParse(own[key]).success]).toEqual([key, true]);
    expect(decisions.choices.length).toBeGreaterThan(0);
    for (const { value, reason } of decisions.choices) expect(value !== "" && reason !== "").toBe(true);
  });

  test("sees the encoder's view first, and trains: a loss by chance, and gradients everywhere", async () => {
    const { batch: loaded, method, settings, task } = await setUp(name, given);
    const batch = (await task.prepare?.(loaded)) ?? loaded;
    expect((method.views?.(settings) ?? [encoderView(settings)])[0]).toMatchObject(encoderView(settings));
    expect(task.name).toBe(name);
    const { parts, total } = task.loss(batch, context);
    total.backward();
    const value = await total.item();
    expect(value).toBeGreaterThan(0);
    if (method.chance !== undefined) expect(Math.abs(value / method.chance(settings) - 1)).toBeLessThan(0.1);
    for (const [parameterName, { grad, requiresGrad }] of task.model.namedParameters())
      expect([parameterName, grad !== null]).toEqual([parameterName, requiresGrad]);
    const measured = [...Object.keys(parts), ...Object.keys(task.health?.(batch, context) ?? {})];
    expect(measured).toEqual(expect.arrayContaining(Object.keys(method.figures ?? {})));
  });

  test("saves its encoder so that one of its config loads it and gives the same", async () => {
    const { batch, method, settings, task } = await setUp(name, given);
    const prefix = "encoder.";
    const saved = [...(await task.model.hostStateDict())].filter(([key]) => key.startsWith(prefix));
    const config = method.encoder?.(settings) ?? encoderConfig(settings);
    const encoder = new VisionTransformer(device, config, { seed: 1 });
    encoder.loadStateDict(new Map(saved.map(([key, value]) => [key.slice(prefix.length), value])));
    expect(encoder.config).toEqual(task.model.encoder.config);
    const [images] = batch.views;
    expect(await numbers(encoder.encode(images!))).toEqual(await numbers(task.model.encoder.encode(images!)));
  });

  test("shows what it makes of pictures: panels of patches at places of the grid, and shares of each", async () => {
    const { batch, method, settings, task } = await setUp(name, given);
    const gallery = [2, 3].map((seed) => ({
      ...batch,
      views: batch.views.map(({ shape }) => pictureView(shape[2]!, seed)),
    }));
    const request: LookRequest<typeof settings> = { batch, gallery, settings };
    const looks = await method.look!(task, request);
    for (const text of [looks.title, looks.lead, looks.note]) expect(text).not.toBe("");
    expect(looks.panels.some(({ share }) => share !== null)).toBe(true);
    const captions = looks.panels.map(({ caption }) => caption);
    expect(new Set(captions).size).toBe(captions.length);
    for (const { caption, patches: drawn, places, share } of looks.panels) {
      const [rows, count, length] = drawn.shape;
      expect([caption, rows, Number.isInteger(Math.sqrt(length! / 3))]).toEqual([caption, pictures, true]);
      expect((await numbers(drawn)).every(Number.isFinite)).toBe(true);
      expect(places === null ? [pictures, count] : places.shape).toEqual([
        pictures,
        places === null ? patches : count,
      ]);
      for (let row = 0; places !== null && row < pictures; row++) {
        const own = (await numbers(places)).slice(row * count!, (row + 1) * count!);
        expect(new Set(own).size).toBe(count);
        expect(own.every((place) => place >= 0 && place < patches)).toBe(true);
      }
      if (share === null) continue;
      const values = await numbers(share.values);
      expect(values.length).toBe(pictures);
      expect(values.every((part) => part >= 0 && part <= 1)).toBe(true);
    }
  });
});

test("says which settings do not fit", () => {
  const decide = (name: string, given: object, count: number) =>
    findMethod(name).decide(
      given,
      { count: 100, classes: 0, imageSize: 32, patch: 8, patches: count, batch: 4 },
      new Decisions(),
    );
  expect(() => decide("beit", {}, 1)).toThrow(
    "maskRatio: 0.383 of 1 patches is less than one; use more, or a smaller patch.",
  );
  expect(() => decide("supervised", {}, 4)).toThrow(
    "method: supervised learns the classes of the pictures, and they have none: put the pictures of each class in a " +
      "folder of its own,",
  );
  expect(() => decide("distillation", {}, 4)).toThrow(
    "teacher: give the path of an ONNX model that makes features of pictures, such as --teacher encoder.onnx.",
  );
  expect(() => decide("mae", { visible: 0.1 }, 4)).toThrow(
    "visible: 0.1 of 4 patches is less than one; use more, or a smaller patch.",
  );
});
