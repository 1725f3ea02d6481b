import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { methods, noteOf } from "@splitmask/methods";
import {
  type Config,
  checkFields,
  decideSettings,
  finetuneFields,
  parseDuration,
  pretrainingFields,
  readConfigFile,
  UsageError,
} from "@splitmask/pipelines";
import { machineOf } from "./machines.js";

const pictures = { count: 9469, shortSide: 160 };
const machine = machineOf(2, 24);

async function problem(given: Config, facts = pictures): Promise<string> {
  const refused = await decideSettings(given, facts, machine).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(UsageError);
  return (refused as UsageError).message;
}

describe("durations", () => {
  test.each([
    ["90s", 90],
    ["20m", 1200],
    ["1h30m", 5400],
    ["1.5h", 5400],
    ["45", 45],
  ])("%s is %d seconds", (text, seconds) => expect(parseDuration(text)).toBe(seconds));
  test.each(["", "soon", "-5m", "0s", "5 minutes"])("%p is none", (text) =>
    expect(parseDuration(text)).toBeNull(),
  );
});

const fields = pretrainingFields(methods.splitmask);

describe("checkFields", () => {
  test("lets every documented field through", () => {
    const config: Config = {
      model: "tiny",
      imageSize: 64,
      mean: [0.5, 0.5, 0.5],
      std: [0.2, 0.2, 0.2],
      time: "20m",
    };
    expect(checkFields(fields, config, "x")).toEqual(config);
  });
  test.each([
    [{ imageSize: "64" }, 'run.json: imageSize: got "64", expected a number.'],
    [{ batch: 12.5 }, "run.json: batch: got 12.5, expected a whole number."],
    [{ batch: 0 }, "run.json: batch: got 0, expected a number greater than 0."],
    [{ ema: 1 }, "run.json: ema: got 1, expected a number less than 1."],
    [{ clipMode: "each" }, 'run.json: clipMode: got "each", expected one of "global", "tensor".'],
    [{ milestones: 5 }, "run.json: milestones: got 5, expected a list."],
    [{ milestones: [] }, "run.json: milestones: got [], expected a list that is not empty."],
    [{ freeze: [7] }, "run.json: freeze: got [7], expected a string."],
    [{ subset: "" }, 'run.json: subset: got "", expected a text that is not empty.'],
    [{ mean: 1 }, "run.json: mean: got 1, expected three numbers."],
    [{ mean: [1, 2, 3, 4] }, "run.json: mean: got [1,2,3,4], expected three numbers."],
    [{ flip: 2 }, "run.json: flip: got 2, expected a number of at most 1."],
    [{ model: "huge" }, 'run.json: model: got "huge", expected one of "tiny", "small", "base".'],
    [{ mean: [1, 2] }, "run.json: mean: got [1,2], expected three numbers."],
    [{ time: "soon" }, 'run.json: time: got "soon", expected a duration such as "90s", "20m", "1h30m".'],
    [{ image_size: 64 }, 'run.json: unknown field "image_size" (given 64). Did you mean "imageSize"?'],
    [{ learningrate: 1 }, 'run.json: unknown field "learningrate" (given 1). Did you mean "learningRate"?'],
    [[1], 'run.json: got [1], expected an object of configuration fields, such as {"imageSize": 64}.'],
  ])("%j", (value, message) => {
    expect(() => checkFields(fields, value, "run.json")).toThrow(message);
  });
  test("an unknown field without a neighbor is told the known ones", () => {
    expect(() => checkFields(fields, { zebra: 1 }, "run.json")).toThrow(
      /unknown field "zebra" \(given 1\)\. Known fields: method, decoderDepth, .*threads/,
    );
  });
  test("every field is documented", () => {
    for (const type of Object.values({ ...fields, ...finetuneFields }))
      expect(noteOf(type).description).toMatch(/\w{4}/);
  });
});

describe("decideSettings", () => {
  test("the trial that worked is the default for about ten thousand pictures", async () => {
    const { config, choices, method } = await decideSettings({}, pictures, machine);
    expect(method).toBe(methods.splitmask);
    expect(config).toMatchObject({
      width: 128,
      depth: 6,
      heads: 4,
      imageSize: 64,
      patch: 8,
      batch: 128,
      learningRate: 1e-3,
      cropScale: 0.2,
      colorJitter: 0,
      jitterStrength: 1,
      grayscale: 0,
      blur: 0,
      solarize: 0,
      mask: "block",
      tokenizer: "random-projection",
      vocabulary: 8192,
      decoderDepth: 2,
      steps: 2000,
      warmup: 100,
      mean: null,
    });
    for (const choice of choices) expect(choice.reason.length).toBeGreaterThan(4);
    expect(choices.map((choice) => choice.name)).toEqual([
      "model",
      "image size",
      "patch",
      "mask",
      "tokenizer",
      "vocabulary",
      "batch",
      "steps",
      "learning rate",
      "warm-up",
      "checkpoints",
      "crop scale",
      "colors",
      "seed",
    ]);
  });
  test.each([
    [{ schedule: "step" }, 'schedule: "step" needs decayEvery, the number of steps between two stairs.'],
    [
      { schedule: "multi-step" },
      'schedule: "multi-step" needs milestones, the steps after which the rate falls.',
    ],
    [
      { milestones: [5] },
      'milestones: the schedule "cosine" does not use it: leave it out, or use schedule "multi-step".',
    ],
    [
      { schedule: "constant", minimumLearningRate: 0 },
      'minimumLearningRate: the schedule "constant" does not use it: ' +
        'leave it out, or use schedule "cosine" or "linear".',
    ],
    [
      { optimizer: "lars" },
      `optimizer: "lars" needs its own learningRate, because AdamW's default does not fit: e.g. 0.3 · batch / 256.`,
    ],
    [{ momentum: 0.5 }, 'momentum: AdamW has none: use optimizer "sgd" or "lars".'],
    [
      { optimizer: "sgd", learningRate: 0.1, weightDecayEnd: 0.1 },
      "weightDecayEnd: without a weightDecay nothing is decayed: give both.",
    ],
    [{ monitorTest: "x" }, "monitorTest: it needs monitor, a folder of labeled pictures."],
  ] as const)("%j", async (given, message) => expect(await problem(given)).toBe(message));
  test("colors: the paper's for its smallest sets where they are asked for, and each by itself", async () => {
    const colors = async (given: Config) => {
      const { config, choices } = await decideSettings(given, pictures, machine);
      const { colorJitter, grayscale, blur, solarize } = config;
      const { value } = choices.find(({ name }) => name === "colors")!;
      return [[colorJitter, grayscale, blur, solarize], value];
    };
    expect(await colors({ augmentation: "crop" })).toEqual([[0, 0, 0, 0], "unchanged"]);
    expect(await colors({ augmentation: "color" })).toEqual([
      [0.8, 0.2, 0.5, 0.2],
      "jitter 0.8, gray 0.2, blur 0.5, solarize 0.2",
    ]);
    expect(await colors({ augmentation: "color", blur: 0 })).toEqual([
      [0.8, 0.2, 0, 0.2],
      "jitter 0.8, gray 0.2, solarize 0.2",
    ]);
    expect(await colors({ grayscale: 0.3 })).toEqual([[0, 0.3, 0, 0], "gray 0.3"]);
  });
  test("what is given stands and is called given", async () => {
    const { config, choices } = await decideSettings(
      { model: "small", imageSize: 112, batch: 64, learningRate: 2e-4, steps: 10, seed: 7 },
      pictures,
      machine,
    );
    expect(config).toMatchObject({
      width: 384,
      depth: 12,
      heads: 6,
      imageSize: 112,
      patch: 14,
      batch: 64,
      learningRate: 2e-4,
      steps: 10,
      seed: 7,
    });
    expect(choices.find((choice) => choice.name === "batch")).toEqual({
      name: "batch",
      value: "64",
      reason: "given",
    });
  });
  test.each([
    [
      { count: 40, shortSide: 200 },
      { batch: 32, mask: "uniform", steps: 5000 }, // the cap of epochs
    ],
    [
      { count: 3, shortSide: 28 },
      { batch: 2, imageSize: 32, patch: 4 },
    ],
  ])("%j", async (facts, expected) => {
    const { config } = await decideSettings({}, facts, machine);
    expect(config).toMatchObject(expected);
  });
  test.each<[Config, object]>([
    [{ batch: 512 }, { learningRate: 2e-3 }],
    [{ model: "base", batch: 2048 }, { learningRate: 1.6e-3 }],
    [{ epochs: 3 }, { steps: 219 }],
  ])("the learning rate follows batch and width, the steps the epochs: %j", async (given, expected) => {
    const { config } = await decideSettings(given, pictures, machine);
    expect(config).toMatchObject(expected);
  });
  test("time", async () => {
    const { config } = await decideSettings({ time: "20m" }, pictures, machine);
    expect(config).toMatchObject({ steps: null, seconds: 1200, warmup: null });
  });
  test.each<[Config, string]>([
    [{ steps: 5, epochs: 2 }, "give only one of steps, epochs and time"],
    [{ model: "tiny", width: 128 }, 'model: "tiny" and width were both given'],
    [{ width: 100, heads: 3 }, "width and heads: 100 and 3: the width must be a multiple of the heads."],
    [
      { imageSize: 60, patch: 8 },
      "imageSize and patch: 60 and 8: the image size must be a multiple of the patch; use 56 or 64.",
    ],
    [{ imageSize: 8, patch: 8 }, "1 patches cannot be split; use a smaller patch"],
    [
      { batch: 1 },
      "the match loss compares pictures of one batch with each other: use 2 or more, or matchWeight 0",
    ],
    [
      { batch: 100, accumulate: 8 },
      "batch and accumulate: 100 and 8: the batch must be a multiple of its micro-batches; use a batch of 104.",
    ],
    [{ batch: 9470 }, "batch: 9470, but there are only 9,469 pictures: use 9469 or fewer."],
    [{ mean: [0.5, 0.5, 0.5] }, "mean: given without std"],
  ])("%j is refused", async (given, message) => expect(await problem(given)).toContain(message));
});

describe("readConfigFile", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "splitmask-config-"));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const file = async (name: string, text: string) => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };

  test("JSON and modules", async () => {
    expect(await readConfigFile(await file("a.json", '{"batch": 16}'))).toEqual({ batch: 16 });
    expect(await readConfigFile(await file("marked.json", '\ufeff{"batch": 16}'))).toEqual({ batch: 16 });
    expect(await readConfigFile(await file("a.mjs", "export default { mask: 'uniform' };"))).toEqual({
      mask: "uniform",
    });
  });
  test("errors name the file", async () => {
    await expect(readConfigFile(join(folder, "none.json"))).rejects.toThrow("--config: there is no file");
    await expect(readConfigFile(await file("b.json", "{batch: 1}"))).rejects.toThrow(
      "b.json: is not valid JSON",
    );
    await expect(readConfigFile(await file("b.toml", ""))).rejects.toThrow(
      'b.toml ends in ".toml", expected .json, .js, .mjs, .ts or .mts',
    );
    await expect(readConfigFile(await file("b.mjs", "export const batch = 1;"))).rejects.toThrow(
      "b.mjs: has no default export",
    );
    await expect(readConfigFile(await file("c.json", '{"batch": "many"}'))).rejects.toThrow(
      'c.json: batch: got "many", expected a number.',
    );
  });
});
