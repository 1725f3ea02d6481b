import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { normal, type Tensor, tensor, uniform } from "@splitmask/autograd";
import { ModelFixture } from "@splitmask/autograd/testing";
import { createDevice } from "@splitmask/kernels";
import {
  type CommonSettings,
  Decisions,
  Distillation,
  type DistillationSettings,
  distillationMethod,
  type Teacher,
} from "@splitmask/methods";
import { expectGradients } from "./expectGradients.js";
import { compareSteps, pictureBatch, readFixture } from "./fixedRun.js";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const encoder = { imageSize: 32, patchSize: 8, width: 24, depth: 2, heads: 3, dropPath: 0 };
const context = { training: true, seed: 0, step: 0 };
const fixturePath = (name: string) =>
  fileURLToPath(new URL(`../../onnx/test/fixtures/${name}`, import.meta.url));

/** A teacher that gives what is put in. */
const teacherOf = (features: Tensor, patches = 16): Teacher => ({
  ...{ width: features.shape[2]!, patches, secondsPerPicture: 0 },
  features: async () => features,
});

const anyFeatures = (rows: number) =>
  normal(device, [2, rows, 12], { key: { seed: 1, purpose: "features" } });
const anyBatch = () => ({
  views: [32, 16].map((size) => normal(device, [2, 3, size, size], { key: { seed: 2, purpose: `${size}` } })),
  ...{ labels: new Int32Array(2), indices: new Int32Array(2) },
});

describe("against PyTorch, written from the papers", () => {
  async function setUpReference() {
    const fixture = await readFixture("distillation");
    const features = fixture.get("features");
    const [, rows, width] = features.shape as readonly [number, number, number];
    const task = new Distillation(device, { encoder, teacher: teacherOf(anyFeatures(17)), headWidth: 20 });
    task.model.loadStateDict(fixture.under("parameter."));
    const batch = (step: number) => {
      const given = pictureBatch(device, fixture, step);
      const draws = (fixture.get("draws").data as Int32Array).subarray(6 * step, 6 * (step + 1));
      const values = new Float32Array(6 * rows * width);
      for (const [row, picture] of draws.entries()) {
        const size = rows * width;
        values.set(
          (features.data as Float32Array).subarray(picture * size, (picture + 1) * size),
          row * size,
        );
      }
      return { ...given, views: [given.views[0]!, tensor(device, values, [6, rows, width])] };
    };
    return { fixture, task, batch, parts: ["pictureDistance", "patchDistance"] };
  }

  test("every named gradient of the first step", async () => {
    const { batch, fixture, task } = await setUpReference();
    task.loss(batch(0), context).total.backward();
    await expectGradients(task.model, fixture, "gradient.", 1e-4);
  });

  test("ten steps of AdamW with clipping and a cosine schedule give PyTorch's losses to 1e-3", async () => {
    const found = await compareSteps(device, await setUpReference(), 1e-3);
    expect(found).toEqual({ ...found, within: true });
  });
});

describe("with an ONNX model as teacher", () => {
  /** The settings of a run on 2×2 patches, and its teacher. */
  async function settingsOf(given: object) {
    const facts = { count: 8, classes: 0, imageSize: 16, patch: 8, patches: 4, batch: 4 };
    const examined = (await distillationMethod.examine!(given))!;
    const decisions = new Decisions();
    const own = distillationMethod.decide(examined, facts, decisions);
    const settings = {
      imageSize: 16,
      patch: 8,
      width: 24,
      depth: 1,
      heads: 2,
      layerScale: null,
      dropPath: 0,
    };
    const common = { ...settings, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25], seed: 0 };
    return { decisions, settings: { ...common, ...own } as unknown as DistillationSettings & CommonSettings };
  }

  async function prepared(settings: DistillationSettings & CommonSettings, told: string[] = []) {
    return distillationMethod.preparation!.make({
      ...{ device, settings, pictureCount: 8, progress: () => undefined },
      async *crops({ size }) {
        yield uniform(device, [4, 3, size, size], { low: -1, high: 1, key: { seed: 3, purpose: "crops" } });
      },
      tell: (text) => told.push(text),
    });
  }

  test("its file gives the size of the pictures; features of the same grid are learned", async () => {
    const { decisions, settings } = await settingsOf({ teacher: fixturePath("fixed.onnx") });
    expect(settings).toMatchObject({
      ...{ teacherSize: 16, teacherOutput: null, headWidth: 12, patchWeight: 1 },
      teacherFacts: { width: 12, patches: 4 },
      teacherMean: [0.485, 0.456, 0.406],
    });
    expect(decisions.choices.map(({ name, value }) => [name, value])).toEqual([
      ["teacher", "fixed.onnx: 12 features, of pictures of 16 pixels and of their 4 patches"],
      ["patches", "learned, weight 1"],
    ]);
    expect(settings.teacherFacts.secondsPerPicture).toBeGreaterThan(0);
    const told: string[] = [];
    await prepared(settings, told);
    expect(told).toEqual([
      expect.stringMatching(/^fixed.onnx: 12 features, of pictures of 16 pixels and .*; variance 0\.\d{3}$/),
    ]);
  });

  test("prepare puts its features in the place of its view: their mean, then those of the patches", async () => {
    const fixture = await ModelFixture.read(
      new URL("../../onnx/test/fixtures/outputs.safetensors", import.meta.url),
    );
    const { settings } = await settingsOf({ teacher: fixturePath("teacher.onnx"), teacherSize: 16 });
    const task = distillationMethod.create(device, settings, await prepared(settings));
    const pixels = fixture.upload(device, "pixels");
    const batch = { ...anyBatch(), views: [pixels, fixture.upload(device, "pixels")] };
    const { views } = await task.prepare(batch);
    expect(views[0]).toBe(pixels);
    expect(batch.views[1]!.disposed).toBe(true);
    expect(views[1]!.shape).toEqual([4, 5, 12]);
    const values = (await views[1]!.data()) as Float32Array;
    const [pooled, tokens] = ["pooled", "tokens"].map((name) => fixture.get(name).data as Float32Array);
    for (let picture = 0; picture < 4; picture++) {
      for (let place = 0; place < 12; place++)
        expect(values[60 * picture + place]).toBeCloseTo(pooled![12 * picture + place]!, 5);
      for (let place = 0; place < 48; place++)
        expect(values[60 * picture + 12 + place]).toBeCloseTo(tokens![48 * picture + place]!, 5);
    }
  });

  test("without tokens of the grid only whole pictures are learned", async () => {
    const { decisions, settings } = await settingsOf({
      ...{ teacher: fixturePath("teacher.onnx"), teacherSize: 24 },
    });
    expect(settings).toMatchObject({ patchWeight: 0, teacherFacts: { width: 12, patches: 0 } });
    expect(decisions.choices[1]).toMatchObject({ reason: "the teacher has no tokens for the student's 4" });
    const task = distillationMethod.create(device, settings, await prepared(settings));
    expect(task.model.patch_head).toBeNull();
    await expect(
      settingsOf({ teacher: fixturePath("teacher.onnx"), teacherSize: 24, patchWeight: 1 }),
    ).rejects.toThrow(
      "patchWeight: the teacher's output for a picture is 9×12, without tokens for the student's 4 patches",
    );
  });

  test("the run folder keeps its path and hash, and another file is refused", async () => {
    const folder = await mkdtemp(join(tmpdir(), "teacher-"));
    const teacher = join(folder, "teacher.onnx");
    await copyFile(fixturePath("fixed.onnx"), teacher);
    const { settings } = await settingsOf({ teacher });
    const { load, save } = distillationMethod.preparation!;
    const kept = join(folder, "teacher.json");
    await save(await prepared(settings), kept);
    expect((await load(device, kept, settings)).width).toBe(12);
    await copyFile(fixturePath("teacher.onnx"), teacher);
    await expect(load(device, kept, settings)).rejects.toThrow(
      /is not the file that the run was started with, .*Put that file back, or start a new run/,
    );
    await rm(teacher);
    await expect(load(device, kept, settings)).rejects.toThrow("go on with --teacher and its new path.");
    await rm(folder, { recursive: true });
  });

  test("features that are not finite are refused", async () => {
    const { settings } = await settingsOf({ teacher: fixturePath("fixed.onnx") });
    const make = distillationMethod.preparation!.make({
      ...{ device, settings, pictureCount: 8, progress: () => undefined, tell: () => undefined },
      async *crops() {
        yield tensor(device, new Float32Array(2 * 768).fill(Number.NaN), [2, 3, 16, 16]);
      },
    });
    await expect(make).rejects.toThrow(
      "gives features that are not finite for the pictures. Check teacherMean",
    );
  });

  test("a file that is none is a mistake of the call", async () => {
    const folder = await mkdtemp(join(tmpdir(), "teacher-"));
    await writeFile(join(folder, "none.onnx"), "none");
    await expect(distillationMethod.examine!({ teacher: join(folder, "none.onnx") })).rejects.toThrow(
      /^teacher: onnx: .*none.onnx cannot be read as an ONNX model/,
    );
    await rm(folder, { recursive: true });
  });
});

test("says what is wrong with config and batch", async () => {
  const make = (patchWeight: number, patches: number) =>
    new Distillation(device, { encoder, teacher: teacherOf(anyFeatures(1), patches), patchWeight });
  expect(() => make(1, 9)).toThrow(
    "Distillation: patchWeight is 1, the teacher has tokens of 9 patches, and the student has 16 patches; expected 0,",
  );
  const task = make(0, 0);
  expect(() => task.loss(anyBatch(), context)).toThrow(
    "Distillation: views[1] is 2×3×16×16; expected 2×1×12, the features that prepare puts there. Call prepare",
  );
  const { views, ...rest } = anyBatch();
  await expect(task.prepare({ ...rest, views: views.slice(0, 1) })).rejects.toThrow(
    "Distillation: the batch has 1 view(s); expected two of the same crop",
  );
});
