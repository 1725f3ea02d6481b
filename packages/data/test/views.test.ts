import { tensor } from "@splitmask/autograd";
import {
  type AugmentationStep,
  augmentPictures,
  augmentViews,
  colorJitter,
  compose,
  type DevicePicture,
  deitRecipe,
  dinoViews,
  gaussianBlur,
  type ImageDataset,
  ImageLoader,
  measureNormalization,
  mixup,
  multiCrop,
  orderedBatches,
  parseRandAugment,
  randAugment,
  randomApply,
  randomErasing,
  randomGrayscale,
  randomHorizontalFlip,
  randomResizedCrop,
  randomSolarize,
  resizeCenterCrop,
  simclrViews,
  splitMaskAugmentation,
  splitMaskFinetuning,
  type View,
} from "@splitmask/data";
import { createDevice } from "@splitmask/kernels";
import ndarray from "ndarray";

const device = createDevice({ threads: 1 });
afterAll(() => device.close());

const view = (size: number, channels = 3): View => ({
  size,
  mean: Array(channels).fill(0.5),
  std: Array(channels).fill(0.25),
});

/** Pictures whose bytes have no pattern. */
function noisy(height: number, width: number, channels = 3, seed = 1): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length: height * width * channels }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

/** Pictures of any number of channels in memory. */
const datasetOf = (count: number, channels: number): ImageDataset => ({
  length: count,
  classes: [],
  channels,
  path: (index) => `picture ${index}`,
  label: () => -1,
  image: async (index) => ndarray(noisy(20, 24, channels, index), [20, 24, channels]),
});

function upload(height: number, width: number, channels = 3): DevicePicture {
  const pixels = noisy(height, width, channels);
  const buffer = device.allocate(pixels.length);
  device.upload({ buffer, byteOffset: 0 }, pixels);
  return { buffer, byteOffset: 0, height, width };
}

const valuesOf = async (views: readonly { data(): Promise<ArrayLike<number>> }[]) =>
  Promise.all(views.map(async (one) => Array.from(await one.data())));

describe("views", () => {
  test("share crop, flip and colors where they have no augmentation of their own", async () => {
    const request = {
      device,
      pictures: [upload(40, 30), upload(33, 50)],
      keys: [0, 1].map((sample) => ({ seed: 3, sample })),
      augmentation: splitMaskAugmentation({ colors: true }),
    };
    const [first, second] = await valuesOf(augmentViews({ ...request, views: [view(24), view(24)] }));
    expect(second).toEqual(first);
    const [again, other] = await valuesOf(
      augmentViews({ ...request, views: [view(24), { ...view(24), augmentation: request.augmentation }] }),
    );
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });

  test("a repetition draws anew; the crop is that of the plain recipe", () => {
    const pictures = [upload(40, 30), upload(40, 30)];
    const drawn: unknown[] = [];
    const augmentation = {
      name: "seen",
      plan: (...args: Parameters<ReturnType<typeof randomResizedCrop>["plan"]>) => {
        const plan = compose(randomResizedCrop(), [colorJitter({ hue: 0.1 })]).plan(...args);
        drawn.push(plan);
        return plan;
      },
    };
    const plain = {
      ...augmentation,
      plan: (...args: Parameters<typeof augmentation.plan>) => {
        const plan = randomResizedCrop().plan(...args);
        drawn.push(plan);
        return plan;
      },
    };
    const keys = [0, 1].map((repeat) => ({ seed: 3, step: 2, sample: 7, repeat }));
    augmentViews({ device, pictures, keys, views: [view(8)], augmentation });
    augmentViews({ device, pictures, keys, views: [view(8)], augmentation: plain });
    expect(drawn[0]).toMatchObject(drawn[2] as object);
    expect(drawn[1]).toMatchObject(drawn[3] as object);
    expect(drawn[1]).not.toMatchObject(drawn[2] as object);
  });

  test("a smaller view is blurred less, so that both show the same", async () => {
    const plan = {
      ...{ cropY: 0, cropX: 0, cropHeight: 32, cropWidth: 32, flip: false },
      operations: [{ kind: "gaussianBlur", kernelSize: 17, sigma: 4 } as const],
    };
    const pictures = [upload(32, 32)];
    const half = augmentPictures(device, pictures, [plan], view(16), 32);
    const same = augmentPictures(
      device,
      pictures,
      [{ ...plan, operations: [{ kind: "gaussianBlur", kernelSize: 9, sigma: 2 } as const] }],
      view(16),
    );
    expect(await half.data()).toEqual(await same.data());
  });

  test("multi-crop: DINO's ten views, each with its own crop", async () => {
    const scale = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
    const views = dinoViews({ ...scale, globalSize: 32, localSize: 12 });
    const loader = new ImageLoader({ dataset: datasetOf(4, 3), device, batchSize: 2, views, seed: 1 });
    const batch = await loader.batch(0);
    expect(batch.views.map(({ shape }) => shape.join("×"))).toEqual([
      ...["2×3×32×32", "2×3×32×32"],
      ...Array(8).fill("2×3×12×12"),
    ]);
    const values = await valuesOf(batch.views);
    expect(new Set(values.map((list) => list.join())).size).toBe(10);
    loader.close();
    expect(simclrViews({ ...scale, size: 96 })).toHaveLength(2);
    expect(simclrViews({ ...scale, size: 96 })[0]!.augmentation!.name).toContain("gaussianBlur(9, 0.1–2)");
    expect(() => multiCrop([{ count: 0.5, size: 8, augmentation: randomResizedCrop() }], scale)).toThrow(
      "multiCrop: count is 0.5; expected a whole number of views, 0 or more.",
    );
  });
});

describe("channels other than 3", () => {
  test.each([1, 4, 6])("%i: batches, mean and deviation", async (channels) => {
    const dataset = datasetOf(5, channels);
    const { mean, std, pictures } = await measureNormalization(dataset, { device });
    const pixels = Array.from({ length: 5 }, (_, index) => [...noisy(20, 24, channels, index)]);
    for (let channel = 0; channel < channels; channel++) {
      const values = pixels.flatMap((list) => list.filter((_, place) => place % channels === channel));
      const expected = values.reduce((sum, value) => sum + value / 255, 0) / values.length;
      const squares = values.reduce((sum, value) => sum + (value / 255 - expected) ** 2, 0) / values.length;
      expect(mean[channel]).toBeCloseTo(expected, 10);
      expect(std[channel]).toBeCloseTo(Math.sqrt(squares), 10);
    }
    expect([mean.length, std.length, pictures]).toEqual([channels, channels, 5]);
    const batches = orderedBatches(dataset, { device, batchSize: 5, views: [{ size: 16, mean, std }] });
    for await (const { views } of batches) expect(views[0]!.shape).toEqual([5, channels, 16, 16]);
    const augmentation = compose(randomResizedCrop(), [
      colorJitter({ brightness: 0.4, contrast: 0.4 }),
      randomApply(gaussianBlur(), 1),
      randomErasing({ probability: 1, mode: "pixel" }),
    ]);
    const views = [{ size: 16, mean, std }];
    const loader = new ImageLoader({ dataset, device, batchSize: 5, views, seed: 1, augmentation });
    expect((await loader.batch(0)).views[0]!.shape).toEqual([5, channels, 16, 16]);
    loader.close();
    expect(() => new ImageLoader({ dataset, device, batchSize: 5, views: [view(16, 2)], seed: 1 })).toThrow(
      "ImageLoader: view 0 has mean [0.5, 0.5] and std [0.25, 0.25]; " +
        `expected ${channels} finite numbers each, std above 0: one a channel.`,
    );
  });

  test("colors need red, green and blue; gray pictures have none to change", async () => {
    const plan = { cropY: 0, cropX: 0, cropHeight: 9, cropWidth: 9, flip: false };
    const four = [upload(9, 9, 4)];
    expect(() =>
      augmentPictures(device, four, [{ ...plan, operations: [{ kind: "hue", factor: 0.1 }] }], view(9, 4)),
    ).toThrow(
      "augmentation: hue works on red, green and blue, but the pictures have 4 channels. " +
        "Leave it out, or use pictures of 3 channels (of 1, it changes nothing).",
    );
    const one = [upload(9, 9, 1)];
    const operations = [
      { kind: "hue", factor: 0.3 },
      { kind: "saturation", factor: 0.2 },
      { kind: "grayscale" },
    ] as const;
    const [same, plain] = await valuesOf([
      augmentPictures(device, one, [{ ...plan, operations }], view(9, 1)),
      augmentPictures(device, one, [plan], view(9, 1)),
    ]);
    same!.forEach((value, place) => {
      expect(value).toBeCloseTo(plain![place]!, 6);
    });
  });
});

describe("recipes", () => {
  test("are what their papers say", () => {
    expect(splitMaskAugmentation().name).toBe("randomResizedCrop(0.08–1)");
    expect(splitMaskAugmentation({ colors: true }).name).toBe(
      "randomResizedCrop(0.08–1), colorJitter(0.4, 0.4, 0.2, 0.1) with 0.8, grayscale with 0.2, " +
        "gaussianBlur(23, 0.1–2) with 0.5, solarize(128) with 0.2",
    );
    const mixing = { mixupAlpha: 0.8, cutmixAlpha: 1, switchProbability: 0.5, labelSmoothing: 0.1 };
    expect(deitRecipe()).toMatchObject({ mixup: mixing, repeats: 3 });
    expect(deitRecipe().augmentation.name).toBe(
      "randomResizedCrop(0.08–1), randAugment(magnitude 9 ± 0.5, 2 operations, increasing), randomErasing(0.25, pixel)",
    );
    expect(splitMaskFinetuning("large")).toMatchObject({ mixup: mixing, repeats: 3 });
    expect(splitMaskFinetuning("large").augmentation.name).toContain("magnitude 7 ± 0.5");
    expect(splitMaskFinetuning("small")).toMatchObject({ mixup: mixing, repeats: 1 });
    expect(splitMaskFinetuning("small").augmentation.name).toContain("magnitude 9 ± 0.5");
  });

  test("timm's string of RandAugment", () => {
    expect(parseRandAugment("rand-m9-mstd0.5-inc1")).toEqual({
      magnitude: 9,
      magnitudeStd: 0.5,
      increasing: true,
    });
    expect(parseRandAugment("rand-n3-p0.8-mstd101-mmax12-inc0")).toEqual({
      ...{ layers: 3, probability: 0.8, magnitudeStd: Infinity, magnitudeMax: 12, increasing: false },
    });
    for (const [text, part] of [
      ["augmix-m3", "augmix"],
      ["rand-m9-x3", "x3"],
      ["rand-m", "m"],
    ]) {
      expect(() => randAugment(text!)).toThrow(
        `randAugment: "${part}" of "${text}" is unknown; ` +
          "expected rand, then parts m (magnitude), mstd (its spread), mmax, n (operations), " +
          "p (probability), inc (0 or 1), each with a number: rand-m9-mstd0.5-inc1.",
      );
    }
  });
});

describe("wrong numbers", () => {
  const rotate: AugmentationStep = randAugment({ layers: 40, probability: 1 });
  const images = () => tensor(device, new Float32Array(3 * 4), [3, 1, 2, 2]);
  const labels = () => tensor(device, Int32Array.of(0, 1, 1), [3], { dtype: "int32" });
  test.each<[() => unknown, string]>([
    [
      () => randomHorizontalFlip(1.5),
      "randomHorizontalFlip: probability is 1.5; expected a probability from 0 to 1.",
    ],
    [() => randomGrayscale(-1), "randomApply: probability is -1; expected a probability from 0 to 1."],
    [() => randomSolarize(300), "randomSolarize: threshold is 300; expected a number from 0 to 256."],
    [
      () => colorJitter({ brightness: -1 }),
      "colorJitter: brightness is -1; expected a number from 0 on, or two rising ones from 0 on.",
    ],
    [
      () => colorJitter({ hue: [0.2, 0.7] }),
      "colorJitter: hue is [0.2, 0.7]; expected a number from 0 to 0.5, or two rising ones from −0.5 to 0.5.",
    ],
    [
      () => gaussianBlur({ kernelSize: 4 }),
      "gaussianBlur: kernelSize is 4; expected an odd number from 1 to 127.",
    ],
    [
      () => gaussianBlur({ sigma: [0, 1] }),
      "gaussianBlur: sigma is [0, 1]; expected two rising numbers above 0.",
    ],
    [
      () => randAugment({ magnitude: -1 }),
      "randAugment: magnitude is -1, magnitudeStd 0, magnitudeMax 10 and layers 2; " +
        "expected numbers from 0 on, layers a whole one.",
    ],
    [
      () => randomErasing({ minArea: 0.5 }),
      "randomErasing: minArea is 0.5 and maxArea is 0.3333333333333333; expected rising shares above 0 and at most 1.",
    ],
    [
      () => randomErasing({ minAspect: 0 }),
      "randomErasing: minAspect is 0 and maxAspect is Infinity; expected rising numbers above 0.",
    ],
    [
      () => randomErasing({ minCount: 3, maxCount: 2 }),
      "randomErasing: minCount is 3 and maxCount is 2; expected rising whole numbers from 1 on.",
    ],
    [
      () => resizeCenterCrop({ resize: 100, crop: 200 }),
      "resizeCenterCrop: resize is 100 and crop is 200; expected whole numbers of pixels, crop at most resize.",
    ],
    [
      () =>
        augmentViews({
          device,
          pictures: [upload(9, 9)],
          keys: [{ seed: 1, sample: 1 }],
          views: [view(8)],
          augmentation: compose(randomResizedCrop(), [rotate, randomHorizontalFlip()]),
        }),
      "randomHorizontalFlip: a step before it rotates, shears, translates or erases, " +
        "and flips are done before all operations. Put the flip in front of it.",
    ],
    [
      () => mixup(images(), labels(), { classes: 2 }, { seed: 1, step: 0 }),
      "mixup: the batch has 3 pictures; picture i is mixed with picture B − 1 − i, so that their number must be even.",
    ],
    [
      () => mixup(labels(), labels(), { classes: 2 }, { seed: 1, step: 0 }),
      "mixup: images is 3 and labels is int32 3; expected B×C×H×W and int32 [B].",
    ],
    [
      () => mixup(images(), labels(), { classes: 0 }, { seed: 1, step: 0 }),
      "mixup: classes is 0; expected a whole number, at least 1.",
    ],
    [
      () => mixup(images(), labels(), { classes: 2, labelSmoothing: 1 }, { seed: 1, step: 0 }),
      "mixup: labelSmoothing is 1; expected a share from 0 to below 1.",
    ],
    [
      () => mixup(images(), labels(), { classes: 2, cutmixMinmax: [0.5, 0.2] }, { seed: 1, step: 0 }),
      "mixup: cutmixMinmax is [0.5, 0.2]; expected two rising shares from 0 to 1.",
    ],
    [
      () => mixup(images(), labels(), { classes: 2, mixupAlpha: -1 }, { seed: 1, step: 0 }),
      "mixup: mixupAlpha is -1 and cutmixAlpha is 0; expected numbers from 0 on.",
    ],
  ])("case %#", (make, message) => {
    expect(make).toThrow(message);
  });
});
