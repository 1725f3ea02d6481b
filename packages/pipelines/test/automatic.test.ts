import { fileURLToPath } from "node:url";
import { methods } from "@splitmask/methods";
import {
  type Config,
  decideSettings,
  type MachineFacts,
  type PictureFacts,
  type PretrainingSettings,
  pretrainingCosts,
  type StepSettings,
  UsageError,
  usualRunFolder,
} from "@splitmask/pipelines";
import {
  decodedInSteps,
  type EstimatedRun,
  estimateRun,
  stepsInTime,
  timeLimitOf,
} from "../src/estimate/runEstimate.js";
import { decodeSizeOf, pretrainingWork } from "../src/estimate/runWork.js";
import { checkpointRhythm } from "../src/settings/resolveLength.js";
import { monitorRhythm } from "../src/settings/resolveMonitor.js";
import { countingRates, machineOf, ratesOf } from "./machines.js";

const photographs = (count: number): PictureFacts => ({ count, shortSide: 480, decodeSeconds: 0.004 });

/** What a run with these settings takes. */
async function estimated(
  config: PretrainingSettings,
  pictures: PictureFacts,
  machine: MachineFacts,
  onDisk = false,
) {
  const cost = await pretrainingCosts(methods.splitmask, machine)(config);
  const work = pretrainingWork(methods.splitmask, config, cost, pictures);
  return estimateRun(config, work, pictures, machine, onDisk).estimate;
}

/** What was decided of these, and the reason of one of them. */
async function decide(given: Config, pictures: PictureFacts, machine: MachineFacts, name = "model") {
  const { choices, config } = await decideSettings(given, pictures, machine);
  return { config, reason: choices.find((choice) => choice.name === name)?.reason };
}

const usual = { width: 128, depth: 6, imageSize: 64, patch: 8, batch: 128 };
const tiny = { width: 192, depth: 12, imageSize: 64, patch: 8, batch: 128 };

describe("settings by pictures and machine", () => {
  test.each<[string, PictureFacts, MachineFacts, object]>([
    [
      "500 photographs on a laptop: the paper's masks and colors for small sets",
      photographs(500),
      machineOf(4, 8),
      { ...usual, mask: "uniform", colorJitter: 0.8, solarize: 0.2, steps: 2000, warmup: 100 },
    ],
    [
      "ten thousand on two cores: what is known to work there",
      photographs(9_469),
      machineOf(2, 24),
      { ...usual, mask: "block", colorJitter: 0, steps: 2000, learningRate: 1e-3 },
    ],
    [
      "the same on 32 cores: a larger model, with the updates that it wants",
      photographs(9_469),
      machineOf(32, 128),
      { ...tiny, steps: 9000, learningRate: 8.2e-4, recompute: false, accumulate: 1 },
    ],
    [
      "but not for a few hundred pictures",
      photographs(700),
      machineOf(32, 128),
      { ...usual, mask: "uniform", steps: 2000 },
    ],
    [
      "three hundred thousand on two cores: ten passes do not fit in two hours",
      photographs(300_000),
      machineOf(2, 24),
      { ...usual, mask: "block" },
    ],
    [
      "tiny pictures",
      { count: 60_000, shortSide: 28 },
      machineOf(4, 16),
      { width: 128, imageSize: 32, patch: 4, mask: "block" },
    ],
    ["three pictures", { count: 3, shortSide: 28 }, machineOf(2, 4), { batch: 2, imageSize: 32, patch: 4 }],
  ])("%s", async (_, pictures, machine, expected) =>
    expect((await decide({}, pictures, machine)).config).toMatchObject(expected),
  );

  test("the reasons say what would have to be different", async () => {
    expect((await decide({}, photographs(9_469), machineOf(2, 24))).reason).toMatch(
      /^[\d,]+ updates fit in two hours on 2 threads; ViT-tiny needs 9,000 updates and would get [\d,]+$/,
    );
    expect((await decide({}, photographs(700), machineOf(32, 128))).reason).toMatch(
      /updates fit in two hours on 32 threads; ViT-tiny needs 5,000 pictures$/,
    );
    const { config, reason } = await decide({}, photographs(300_000), machineOf(2, 24), "steps");
    expect(config.steps).toBeGreaterThan(2000);
    expect(config.steps).toBeLessThan(23_438);
    expect(reason).toMatch(
      /epochs, as many as two hours allow; a longer run \(--time, --steps\) learns more$/,
    );
    expect(await decide({}, photographs(9_469), machineOf(1, 8), "steps")).toMatchObject({
      config: { steps: 2000 },
      reason:
        "27 epochs: the paper keeps the number of updates, not of epochs; a longer run (--steps, --time) learns more",
    });
    const slow = { ...machineOf(1, 8), rates: ratesOf(2e10) };
    expect(await decide({}, photographs(9_469), slow, "steps")).toMatchObject({
      config: { steps: 2000, width: 128 },
      reason: "27 epochs: with fewer updates little is learned; --time 1h chooses a smaller model instead",
    });
  });

  test.each<[string, number, object]>([
    ["3m", 2, { width: 96, depth: 4, imageSize: 48, patch: 8 }],
    ["20m", 2, { width: 96, depth: 4, imageSize: 64, patch: 8 }],
    ["2h", 2, usual],
    ["2h", 32, tiny],
    ["20m", 32, usual],
    ["6h", 32, tiny],
  ])("--time %s on %d threads", async (time, threads, expected) => {
    const { config } = await decide({ time }, photographs(9_469), machineOf(threads, 64));
    expect(config).toMatchObject({ ...expected, steps: null, warmup: null });
    expect(config.seconds).toBeGreaterThan(0);
  });

  test("half a million photographs and days of 32 cores are a run as the paper has them", async () => {
    const { config } = await decide({ time: "72h" }, photographs(500_000), machineOf(32, 128));
    expect(config).toMatchObject({ width: 384, depth: 12, heads: 6, imageSize: 224, patch: 16, batch: 128 });
  });

  test("a time that is longer than the paper's cap of epochs becomes steps", async () => {
    const { config, reason } = await decide({ time: "20h" }, photographs(300), machineOf(8, 16), "steps");
    expect(config).toMatchObject({ batch: 128, steps: 10_000, seconds: null, warmup: 500 });
    expect(reason).toMatch(/^5,000 epochs, which are done before the time is over: more passes/);
  });

  test("what is given is not changed for the time", async () => {
    const given: Config = {
      time: "1m",
      width: 192,
      depth: 12,
      heads: 3,
      imageSize: 112,
      patch: 14,
      batch: 64,
    };
    const { config, reason } = await decide(given, photographs(9_469), machineOf(2, 24));
    expect(config).toMatchObject({ width: 192, depth: 12, heads: 3, imageSize: 112, patch: 14, batch: 64 });
    expect(reason).toBe("given");
    expect((await decide({ steps: 5 }, photographs(9_469), machineOf(2, 24))).config).toMatchObject({
      ...usual,
      steps: 5,
    });
  });

  test("a recipe's weight decay, clipping and colors", async () => {
    const settled = (given: Config) =>
      decide({ ...given, ...size }, photographs(9_469), machineOf(2, 24), "colors");
    const size = { width: 64, depth: 2, heads: 2, imageSize: 32, patch: 8, batch: 16, steps: 20 } as const;
    const { config, reason } = await settled({ method: "dino" });
    expect(config).toMatchObject({
      weightDecay: 0.04,
      weightDecayEnd: 0.4,
      clipMode: "tensor",
      cropScale: 0.4,
    });
    expect(reason).toBe("the method's own, view by view");
    expect((await settled({ method: "dino", weightDecay: 0.1, clipMode: "global" })).config).toMatchObject({
      ...{ weightDecay: 0.1, weightDecayEnd: null, clipMode: "global" },
    });
    const sgd = { optimizer: "sgd", learningRate: 0.1 } as const;
    expect((await settled({ method: "dino", ...sgd })).config).toMatchObject({ weightDecayEnd: null });
    expect((await settled({ method: "mae" })).config).toMatchObject({
      weightDecayEnd: null,
      clipMode: "global",
    });
    await expect(settled({ method: "dino", blur: 0.1, solarize: 0 })).rejects.toThrow(
      "blur and solarize: the method has its own for each view",
    );
  });

  test("patches that cannot be halved get uniform masks", async () => {
    const { config, reason } = await decide(
      { imageSize: 112, patch: 16 },
      photographs(9_469),
      machineOf(2, 24),
      "mask",
    );
    expect(config).toMatchObject({ mask: "uniform" });
    expect(reason).toContain("49 patches cannot be halved");
    await expect(
      decide({ imageSize: 112, patch: 16, mask: "block" }, photographs(9_469), machineOf(2, 24)),
    ).rejects.toThrow(
      'mask: "block", but 49 patches cannot be halved; use "uniform", or an even number of patches a side.',
    );
  });

  test("checkpoints: ten a run, one a quarter of an hour, none in every moment", async () => {
    const decided = async (given: Config, machine: MachineFacts) =>
      (await decide(given, photographs(9_469), machine)).config;
    expect((await decided({}, machineOf(8, 24))).checkpointEvery).toBe(200);
    expect((await decided({ steps: 30 }, machineOf(8, 24))).checkpointEvery).toBe(20);
    const slow = await decided({ steps: 100_000 }, machineOf(1, 24));
    const { secondsPerStep } = await estimated(slow, photographs(9_469), machineOf(1, 24));
    expect(slow.checkpointEvery * secondsPerStep).toBeCloseTo(900, -1);
    expect((await decided({ checkpointEvery: 7 }, machineOf(8, 24))).checkpointEvery).toBe(7);
  });
});

describe("memory", () => {
  const base: Config = { model: "base", imageSize: 224, patch: 16, steps: 10 };

  test("a step that does not fit takes micro-batches or computes twice, the quicker of the two", async () => {
    const machine = machineOf(2, 1);
    const { config, choices } = await decideSettings({}, photographs(9_469), machine);
    expect(config.batch).toBe(128);
    expect(config.accumulate > 1 || config.recompute).toBe(true);
    const { reason } = choices.find(({ name }) => name === "micro-batches" || name === "recompute")!;
    expect(reason).toBe("a step of 128 pictures at once takes 543 MiB, and 820 MiB are free");
    const { memory } = await estimated(config, photographs(9_469), machine);
    expect(memory.step).toBeLessThan(0.4 * 2 ** 30);
  });
  test("what is given of them stays", async () => {
    const machine = machineOf(2, 6);
    const { config: micro } = await decide({ ...base, accumulate: 64 }, photographs(9_469), machine);
    expect(micro).toMatchObject({ batch: 128, accumulate: 64 });
    const { config: kept } = await decide({ ...base, recompute: false }, photographs(9_469), machine);
    expect(kept.recompute).toBe(false);
    expect(kept.accumulate).toBeGreaterThan(4);
  });
  test("memory that others hold may come back; what the machine does not have is refused", async () => {
    const busy = machineOf(2, 24, 0.01);
    expect((await decide({}, photographs(9_469), busy)).config).toMatchObject({ batch: 128 });
    const refused = await decide(base, photographs(9_469), machineOf(2, 1)).catch((error: Error) => error);
    expect(refused).toBeInstanceOf(UsageError);
    expect((refused as Error).message).toMatch(
      new RegExp(
        /^memory: a step of width 768, depth 12, 224 pixels and batch 128 takes [\d.]+ GiB even /.source +
          /with recompute, and this machine has 1\.0 GiB; choose less of model, imageSize\.$/.source,
      ),
    );
  });
});

const splitMask = { mask: "block", vocabulary: 8192, tokenizerPatch: 8 };
// What `splitmask bench step` measured, 24 November 2026 (30 November where the head is at the peak), two threads:
// settings, GFLOP a step, MiB at the peak.
const measured: readonly [Partial<StepSettings & typeof splitMask>, number, number][] = [
  [{}, 181.35, 546],
  [{ batch: 32 }, 45.33, 183],
  [{ recompute: true }, 215.44, 264],
  [{ accumulate: 4 }, 215.85, 210],
  [{ mask: "uniform" }, 175.62, 423],
  [{ width: 192, depth: 12, heads: 3, imageSize: 224, patch: 16, batch: 16 }, 191.01, 601],
  [{ width: 192, depth: 12, heads: 3, batch: 64 }, 233.15, 699],
  [{ width: 192, depth: 12, heads: 3, batch: 64, recompute: true }, 293.14, 325],
  [{ width: 384, depth: 12, heads: 6, batch: 16 }, 200.32, 822],
  [{ width: 96, depth: 4, heads: 3, imageSize: 32, patch: 4, tokenizerPatch: 4, batch: 64 }, 46.49, 176],
  [{ width: 64, depth: 2, heads: 2, batch: 64, vocabulary: 512 }, 10.24, 96],
  [{ width: 192, depth: 12, heads: 3, imageSize: 112, batch: 16 }, 189.62, 574],
];

describe("estimates", () => {
  let step: StepSettings;
  const costOf = pretrainingCosts(methods.splitmask, { rates: countingRates });
  beforeAll(async () => {
    ({ config: step } = await decideSettings({ ...usual, steps: 5 }, photographs(9_469), machineOf(2, 24)));
  });
  test.each(measured)("%j", async (settings, gigaOperations, mebibytes) => {
    const { memoryBytes, secondsPerStep: operations } = await costOf({ ...step, ...settings });
    expect(Math.abs(operations / 1e9 / gigaOperations - 1)).toBeLessThan(0.01);
    expect(Math.abs(memoryBytes / 2 ** 20 / mebibytes - 1)).toBeLessThan(0.03);
  });

  test("a run: its steps, and what is done besides", async () => {
    const machine = machineOf(2, 24);
    const pictures = photographs(9_469);
    const { config } = await decide({}, pictures, machine);
    const estimate = await estimated(config, pictures, machine);
    expect(estimate.steps).toBe(2000);
    expect(estimate.secondsPerStep).toBeCloseTo((1.04 * 181.35) / 120, 2);
    expect(estimate.picturesPerSecond).toBeCloseTo(128 / estimate.secondsPerStep, 6);
    const besides = estimate.seconds - 2000 * estimate.secondsPerStep;
    expect(besides).toBeGreaterThan((9_469 * 0.004) / 2);
    expect(besides).toBeLessThan(60);
    // 128×171 pixels of three bytes each.
    expect(estimate.memory.pictures / (9_469 * 128 * 170.67 * 3)).toBeCloseTo(1, 3);
    expect(estimate.memory.total).toBeGreaterThan(estimate.memory.step + estimate.memory.pictures);
    expect(estimate.disk.cache).toBe(0);
    // Two checkpoints and the best one: 2.6 million numbers with two moments each.
    expect(estimate.disk.run / (3 * 3 * 4 * 2.67e6)).toBeCloseTo(1.1, 0);
    const onDisk = await estimated(config, pictures, machine, true);
    expect(onDisk.memory.pictures).toBe(0);
    expect(onDisk.disk.cache).toBe(estimate.memory.pictures);
  });

  test("pictures that no step sees are not decoded", async () => {
    const machine = machineOf(2, 24);
    const given = { steps: 5, imageSize: 64, patch: 8, batch: 16 } as const;
    const besidesOf = async (count: number, settings: Config = given, onDisk = false) => {
      const pictures = photographs(count);
      const { config } = await decide(settings, pictures, machine);
      const estimate = await estimated(config, pictures, machine, onDisk);
      return { ...estimate, besides: estimate.seconds - estimate.steps * estimate.secondsPerStep };
    };
    // 80 pictures of the steps, and samples for colors, words and report, which do not grow with the folder.
    const [many, more] = [await besidesOf(60_000), await besidesOf(6_000_000)];
    expect(more.besides).toBeCloseTo(many.besides, 6);
    expect(many.memory.pictures / (80 * 128 * 170.67 * 3)).toBeCloseTo(1, 3);
    const longer = await besidesOf(60_000, { ...given, steps: 505 });
    expect(longer.besides - many.besides).toBeCloseTo((500 * 16 * 0.004) / 2, 6);
    const all = await besidesOf(60_000, { ...given, steps: 100_000 });
    expect(all.besides - many.besides).toBeCloseTo(((60_000 - 80) * 0.004) / 2, 6);
    // A cache on disk has every picture.
    expect((await besidesOf(60_000, given, true)).besides).toBeCloseTo(all.besides, 6);
  });

  test("a time that does not suffice to see all pictures is filled too", async () => {
    const machine = machineOf(2, 24);
    const pictures = photographs(6_000_000);
    const { config } = await decide({ time: "30m" }, pictures, machine);
    const { seconds, steps } = await estimated(config, pictures, machine);
    expect(steps * config.batch).toBeLessThan(6_000_000);
    expect(steps).toBeGreaterThan(100);
    expect(seconds).toBeGreaterThan(1790);
    expect(seconds).toBeLessThanOrEqual(1800.001);
  });

  test("what is not kept is decoded again in each pass", () => {
    const kept = { picturesPerStep: 10, count: 100, keptShare: 1 };
    expect([5, 10, 30].map((steps) => decodedInSteps(steps, kept))).toEqual([50, 100, 100]);
    const quarter = { ...kept, keptShare: 0.25 };
    expect([5, 10, 30].map((steps) => decodedInSteps(steps, quarter))).toEqual([50, 100, 250]);
    // A step of 1 s, and 0.1 s a picture: ten steps of 2 s, then of 1 s or of 1.75 s.
    expect([0, 10, 20, 30].map((seconds) => stepsInTime(seconds, 1, 0.1, kept))).toEqual([1, 5, 10, 20]);
    expect(stepsInTime(37.5, 1, 0.1, quarter)).toBe(20);
  });

  test("a timed run: as many steps as fit", async () => {
    const machine = machineOf(2, 24);
    const { config } = await decide({ time: "30m" }, photographs(9_469), machine);
    const { seconds, steps } = await estimated(config, photographs(9_469), machine);
    expect(steps).toBeGreaterThan(400);
    expect(seconds).toBeGreaterThan(1790);
    expect(seconds).toBeLessThanOrEqual(1800);
  });
});

test("a timed run keeps time back for its end and for decoding that is to be done, but never most of it", () => {
  const estimate = { secondsPerStep: 0.1 };
  const fixed = { decoding: 20, preparation: 3, report: 13 };
  // Where there are evaluations, the trainer keeps the last one's time back itself.
  const estimated = { estimate, fixed, evaluationSeconds: 5 } as EstimatedRun;
  const limit = { seconds: 180, secondsPerStep: 0.1, elapsed: 10, afterwards: 8, decoding: 20 };
  expect(timeLimitOf(180, 10, estimated, false)).toEqual(limit);
  expect(timeLimitOf(180, 10, estimated, true)).toEqual({ ...limit, decoding: 0 });
  const { afterwards, decoding } = timeLimitOf(52, 10, estimated, false);
  expect([afterwards, decoding]).toEqual([4, 10]);
  expect(timeLimitOf(180, 200, estimated, true)).toMatchObject({ elapsed: 200, afterwards: 0 });
});

test("checkpoints and looks that nobody gave keep their share of a timed run; given ones are in steps", async () => {
  const { config } = await decide({ time: "1h" }, photographs(9_469), machineOf(2, 24));
  type Every = (steps: number) => number;
  const rhythm = (seconds: number) => checkpointRhythm({ checkpointEvery: 70, seconds }, {}) as Every;
  // Ten a run, and one a quarter of an hour.
  expect([rhythm(3600)(1000), rhythm(9000)(9000), rhythm(10_800)(9000)]).toEqual([100, 900, 750]);
  expect(checkpointRhythm({ checkpointEvery: 70, seconds: 3600 }, { checkpointEvery: 70 })).toBe(70);
  expect(checkpointRhythm({ checkpointEvery: 70, seconds: null }, {})).toBe(70);
  expect((monitorRhythm(config, {}) as Every)(995)).toBe(100);
  expect(monitorRhythm({ ...config, monitorEvery: 7 }, { monitorEvery: 7 })).toBe(7);
  expect(monitorRhythm({ ...config, seconds: null, monitorEvery: 7 }, {})).toBe(7);
});

test.each([
  ["./photos", "runs/photos"],
  ["/data/birds/train/", "runs/train"],
  ["photos/**/*.jpg", "runs/photos"],
  ["lists/mine.txt", "runs/mine"],
  ["shards/shard-{000000..000012}.tar", "runs/shards"],
])("the run of %s goes to %s", (pictures, run) => expect(usualRunFolder(pictures)).toBe(run));

test("pictures are decoded for the largest view, that of a teacher too", async () => {
  const teacher = fileURLToPath(new URL("../../onnx/test/fixtures/teacher.onnx", import.meta.url));
  const given = { method: "distillation", ...usual, teacher, teacherSize: 128, steps: 10 };
  const { config } = await decideSettings(given, photographs(9_469), machineOf(2, 24));
  expect(decodeSizeOf(methods.distillation, config)).toBe(256);
  const { config: splitMask } = await decideSettings(usual, photographs(9_469), machineOf(2, 24));
  expect(decodeSizeOf(methods.splitmask, splitMask)).toBe(128);
});
