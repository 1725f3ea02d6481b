import { fileURLToPath } from "node:url";
import {
  type AugmentationPlan,
  augmentPictures,
  compose,
  type DevicePicture,
  type MixPlan,
  mixPictures,
  type Operation,
  type RandAugmentOperation,
  randAugment,
  randAugmentOperations,
  resizeCenterCrop,
} from "@splitmask/augmentation";
import { RandomStream, readSafetensors, tensor } from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";

interface Case {
  readonly picture: string;
  readonly size: number;
  readonly operation?: Operation;
  readonly plan?: AugmentationPlan;
  readonly rule?: { readonly resize: number; readonly crop: number; readonly interpolation: "bicubic" };
}

const path = fileURLToPath(new URL("fixtures/augmentations.safetensors", import.meta.url));
const { tensors, metadata } = await readSafetensors(path);
const cases = JSON.parse(metadata.cases!) as Case[];
const device = createDevice({ threads: 1 });
afterAll(() => device.close());

/** The worst and the mean difference of a case in levels of 255. */
async function differenceOf(number: number): Promise<{ worst: number; mean: number }> {
  const { picture: name, size, operation, plan: given, rule } = cases[number]!;
  const { shape, data } = tensors.get(`picture.${name}`)!;
  const [height, width, channels] = shape as [number, number, number];
  const buffer = device.allocate(data.byteLength);
  const picture: DevicePicture = { buffer, byteOffset: 0, height, width };
  device.upload(picture, data);
  const whole = { cropY: 0, cropX: 0, cropHeight: height, cropWidth: width, flip: false };
  const plan =
    rule !== undefined
      ? resizeCenterCrop(rule).plan(height, width, new RandomStream({ seed: 0, purpose: "none" }))
      : (given ?? { ...whole, operations: [operation!] });
  const view = { size, mean: Array(channels).fill(0), std: Array(channels).fill(1) };
  const output = augmentPictures(device, [picture], [plan], view);
  const values = await output.data();
  output.dispose();
  buffer.release();
  const expected = tensors.get(`output.${number}`)!.data;
  let worst = 0;
  let sum = 0;
  for (let place = 0; place < size * size; place++) {
    for (let channel = 0; channel < channels; channel++) {
      const value = Number(values[channel * size * size + place]) * 255;
      const difference = Math.abs(value - Number(expected[place * channels + channel]));
      worst = Math.max(worst, difference);
      sum += difference;
    }
  }
  return { worst, mean: sum / (size * size * channels) };
}

const numbersOf = (kinds: readonly string[]) =>
  cases.flatMap(({ operation }, number) =>
    operation !== undefined && kinds.includes(operation.kind) ? [number] : [],
  );

describe("operations, beside Pillow, torchvision and timm", () => {
  test.each([
    ["grayscale", 3],
    ["invert", 4],
    ["equalize", 4],
    ["posterize", 15],
    ["solarize", 15],
    ["solarizeAdd", 9],
    ["hue", 21],
  ])("%s: every value", async (kind, count) => {
    const numbers = numbersOf([kind]);
    expect(numbers).toHaveLength(count);
    for (const number of numbers) {
      expect({ ...cases[number], ...(await differenceOf(number)) }).toMatchObject({
        mean: expect.closeTo(0, 4),
      });
    }
  });

  // Factors of 1/16384 and weights of 1/2048, which are exact on every machine, cut some fractions to the other side of
  // a whole number than Pillow's.
  test.each([
    ["brightness", 15],
    ["contrast", 15],
    ["saturation", 15],
    ["sharpness", 15],
    ["autoContrast", 4],
    ["gaussianBlur", 18],
    ["rotate", 30],
    ["shearX", 18],
    ["shearY", 18],
    ["translateX", 18],
    ["translateY", 18],
  ])("%s: within 1/255, and nearly everywhere equal", async (kind, count) => {
    const numbers = numbersOf([kind]);
    expect(numbers).toHaveLength(count);
    for (const number of numbers) {
      const { worst, mean } = await differenceOf(number);
      expect({ ...cases[number], worst: worst < 1.001, mean: mean < 0.1 }).toMatchObject({
        worst: true,
        mean: true,
      });
    }
  });
});

describe("crops, beside torchvision", () => {
  test.each(["plan", "rule"] as const)("%s: within 2/255, and half a level on the mean", async (field) => {
    const numbers = cases.flatMap((entry, number) => (entry[field] === undefined ? [] : [number]));
    expect(numbers).toHaveLength(field === "plan" ? 24 : 8);
    for (const number of numbers) {
      const { worst, mean } = await differenceOf(number);
      expect({ ...cases[number], worst: worst <= 2, mean: mean < 0.5 }).toMatchObject({
        worst: true,
        mean: true,
      });
    }
  });
});

test("randAugment: the arguments of timm's operations at its magnitudes", () => {
  const levels = JSON.parse(metadata.levels!) as [RandAugmentOperation, boolean, number, number][];
  const kinds: Readonly<Record<string, string>> = {
    Color: "saturation",
    TranslateXRel: "translateX",
    TranslateYRel: "translateY",
  };
  const crop = {
    name: "none",
    plan: () => ({ cropY: 0, cropX: 0, cropHeight: 1, cropWidth: 1, flip: false }),
  };
  expect(levels).toHaveLength(144);
  for (const [name, increasing, magnitude, expected] of levels) {
    expect(randAugmentOperations).toContain(name);
    const rule = compose(crop, [randAugment({ magnitude, increasing, probability: 1, layers: 200 })]);
    const { operations = [] } = rule.plan(1, 1, new RandomStream({ seed: 3, purpose: "levels" }));
    const kind = kinds[name] ?? `${name[0]!.toLowerCase()}${name.slice(1)}`;
    const numbers = operations
      .filter((operation) => operation.kind === kind)
      .map((operation) => {
        const { degrees, factor, share, bits, threshold, add } = operation as unknown as Readonly<
          Record<string, number>
        >;
        return degrees ?? factor ?? share ?? bits ?? add ?? threshold;
      });
    // With a random sign, around 1 for the blends.
    const middle = increasing && ["Color", "Contrast", "Brightness", "Sharpness"].includes(name) ? 1 : 0;
    const isSigned = middle === 1 || /Rotate|Shear|Translate/.test(name);
    const mirrored = isSigned ? Math.max(middle === 1 ? 0.1 : -Infinity, 2 * middle - expected) : expected;
    expect(numbers.length).toBeGreaterThan(2);
    for (const number of numbers) {
      const nearest = Math.min(Math.abs(number! - expected), Math.abs(number! - mirrored));
      expect([name, increasing, magnitude, nearest < 1e-9]).toEqual([name, increasing, magnitude, true]);
    }
  }
});

test.each(["batch", "cutmix", "pair", "elem"])("mixup: timm's batch, %s", async (mode) => {
  const draws = JSON.parse(metadata.mixup!)[mode] as { lam: number[]; cutmix: boolean[]; boxes: number[][] };
  const boxes = [...draws.boxes];
  const drawn = draws.lam.map((lambda, place): Omit<MixPlan, "partner"> => {
    if (!draws.cutmix[place] || lambda === 1) return { lambda, box: null };
    const [top, bottom, left, right] = boxes.shift() as [number, number, number, number];
    const box = { top, left, rows: bottom - top, columns: right - left };
    return { lambda: 1 - (box.rows * box.columns) / 35, box };
  });
  const plans = Array.from({ length: 6 }, (_, place) => ({
    ...(drawn.length === 1
      ? drawn[0]!
      : drawn.length === 6
        ? drawn[place]!
        : drawn[place < 3 ? place : 5 - place]!),
    partner: 5 - place,
  }));
  const images = tensors.get("mixup.images")!;
  const labels = tensors.get("mixup.labels")!;
  const mixed = mixPictures(
    tensor(device, images.data as Float32Array<ArrayBuffer>, images.shape),
    tensor(device, labels.data as Int32Array<ArrayBuffer>, [6], { dtype: "int32" }),
    plans,
    { classes: 4, labelSmoothing: 0.1 },
  );
  for (const [what, output] of Object.entries(mixed)) {
    const expected = tensors.get(`mixup.${mode}.${what}`)!.data;
    const values = await output.data();
    expect(values).toHaveLength(expected.length);
    expect(
      Math.max(...Array.from(values, (value, place) => Math.abs(Number(value) - Number(expected[place])))),
    ).toBeLessThan(1e-6);
  }
});
