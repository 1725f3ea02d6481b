import { createDevice } from "@splitmask/kernels";
import { compareKernel, Fixed } from "./compareKernel.js";
import { readFixture } from "./readFixture.js";

/** Bytes without a pattern that a resize could hide. */
function noise(size: number, seed: number): Uint8Array {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return Uint8Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

const plain = {
  cropY: 0,
  cropX: 0,
  filter: 0,
  confined: 0,
  horizontalFlip: 0,
  verticalFlip: 0,
  firstOperation: 0,
  operations: 0,
};
type Plan = typeof plain & { height: number; width: number; cropHeight: number; cropWidth: number };

const whole = (height: number, width: number, change: Partial<Plan> = {}): Plan => ({
  ...plain,
  height,
  width,
  cropHeight: height,
  cropWidth: width,
  ...change,
});

/** Means 0 and deviations 1. */
const identity = (channels = 3) =>
  new Fixed(Float64Array.from({ length: 2 * channels }, (_, place) => (place < channels ? 0 : 1)));
const imagenet = new Fixed(Float64Array.of(0.485, 0.456, 0.406, 0.229, 0.224, 0.225));
/** Rows of operations as the kernel reads them. */
const operationRows = (rows: readonly (readonly number[])[]) =>
  new Fixed(
    Float64Array.from({ length: 16 * rows.length }, (_, place) => rows[place >> 4]![place & 15] ?? 0),
  );

describe("augmentImages", () => {
  const plans: Plan[] = [
    whole(40, 33),
    whole(7, 5, { horizontalFlip: 1 }),
    whole(1, 1),
    whole(1, 300, { verticalFlip: 1 }),
    whole(130, 2, { horizontalFlip: 1, verticalFlip: 1 }),
    whole(61, 75, { cropY: 3.25, cropX: 10.5, cropHeight: 41.75, cropWidth: 52.125, horizontalFlip: 1 }),
    whole(61, 75, { cropY: 60, cropX: 74, cropHeight: 1, cropWidth: 1 }),
    whole(200, 190, { cropY: 5, cropX: 2, cropHeight: 190, cropWidth: 181 }),
    whole(61, 75, { cropY: 20, cropX: 30, cropHeight: 9, cropWidth: 11, confined: 1, verticalFlip: 1 }),
    whole(61, 75, { cropY: 59.5, cropX: 0.25, cropHeight: 1.5, cropWidth: 74.75, confined: 1 }),
  ];
  const each = plans.map((plan, item) => ({
    buffers: { picture: noise(plan.height * plan.width * 3, item) },
    numbers: { ...plan },
  }));

  test.each([
    [1, 1],
    [3, 2],
    [16, 16],
    [17, 15],
    [28, 64],
    [70, 83],
  ])("to %i×%i: every version", async (outputHeight, outputWidth) => {
    for (const filter of [0, 1]) {
      await compareKernel("augmentImages", {
        buffers: {
          output: new Float32Array(plans.length * 3 * outputHeight * outputWidth),
          normalization: imagenet,
          operations: null,
        },
        numbers: { outputHeight, outputWidth, channels: 3, operationRows: 0 },
        each: each.map(({ buffers, numbers }) => ({ buffers, numbers: { ...numbers, filter } })),
        outputs: ["output"],
        absolute: 1e-5,
      });
    }
  });

  test("no pictures", async () => {
    await compareKernel("augmentImages", {
      buffers: { output: new Float32Array(0), normalization: identity(), operations: null },
      numbers: { outputHeight: 8, outputWidth: 8, channels: 3, operationRows: 0 },
      each: [],
      outputs: ["output"],
    });
  });

  test("the same size is the picture itself, flipped or not", async () => {
    const picture = noise(6 * 5 * 3, 9);
    for (const [horizontalFlip, verticalFlip] of [
      [0, 0],
      [1, 0],
      [0, 1],
    ] as const) {
      const { reference } = await compareKernel("augmentImages", {
        buffers: { output: new Float32Array(3 * 30), normalization: identity(), operations: null },
        numbers: { outputHeight: 6, outputWidth: 5, channels: 3, operationRows: 0 },
        each: [{ buffers: { picture }, numbers: whole(6, 5, { horizontalFlip, verticalFlip }) }],
        outputs: ["output"],
      });
      const expected = Float64Array.from({ length: 90 }, (_, place) => {
        const [channel, y, x] = [Math.floor(place / 30), Math.floor((place % 30) / 5), place % 5];
        return picture[((verticalFlip ? 5 - y : y) * 5 + (horizontalFlip ? 4 - x : x)) * 3 + channel]! / 255;
      });
      reference.output!.forEach((value, place) => {
        expect(value).toBeCloseTo(expected[place]!, 12);
      });
    }
  });

  test("Pillow's resize with a box, to its own rounding to 8 bits", async () => {
    const fixture = readFixture("pictures");
    const device = createDevice({ threads: 1 });
    const names = [...fixture.keys()].filter((key) => key.endsWith(".box")).map((key) => key.slice(0, -4));
    expect(names).toHaveLength(8);
    for (const name of names) {
      const { data: pixels, shape } = fixture.get(`${name}.picture`)!;
      const box = fixture.get(`${name}.box`)!.data;
      for (const [filter, filterName] of ["bicubic", "bilinear"].entries()) {
        const expected = fixture.get(`${name}.${filterName}`)!;
        const [outputHeight, outputWidth] = expected.shape as [number, number];
        const area = outputHeight * outputWidth;
        const picture = { buffer: device.allocate(pixels.byteLength), byteOffset: 0 };
        const output = { buffer: device.allocate(12 * area), byteOffset: 0 };
        device.upload(picture, pixels);
        const normalization = { buffer: device.allocate(48), byteOffset: 0 };
        device.upload(normalization, identity().values);
        const plan = whole(shape[0]!, shape[1]!, {
          cropY: box[0]!,
          cropX: box[1]!,
          cropHeight: box[2]!,
          cropWidth: box[3]!,
          filter,
        });
        device.run("augmentImages", "float32", {
          output,
          normalization,
          operations: null,
          outputHeight,
          outputWidth,
          channels: 3,
          operationRows: 0,
          each: [{ picture, ...plan }],
        });
        const values = new Float32Array(await device.download(output, 12 * area));
        let worst = 0;
        let sum = 0;
        for (let place = 0; place < area; place++) {
          for (let channel = 0; channel < 3; channel++) {
            const error = Math.abs(
              values[channel * area + place]! * 255 - expected.data[place * 3 + channel]!,
            );
            worst = Math.max(worst, error);
            sum += error;
          }
        }
        // Pillow rounds after each of its two passes: half a level each, the first one spread by the cubic's negative
        // lobes.
        expect(worst).toBeLessThan(1.25);
        expect(sum / (3 * area)).toBeLessThan(0.36);
      }
    }
    device.close();
  });
});

describe("augmentImages with operations", () => {
  /** The code and the numbers of each operation, as src/kernels/codes.ts has them. */
  const rows: Readonly<Record<string, readonly number[]>> = {
    brightness: [0, 1.37],
    darkness: [0, 0],
    "far beyond": [0, 1e9],
    contrast: [1, 0.4],
    saturation: [2, 1.9],
    hue: [3, 77],
    "hue that stays": [3, 0],
    grayscale: [4],
    solarize: [5, 128],
    solarizeAdd: [6, 110, 128],
    posterize: [7, 3],
    invert: [8],
    autoContrast: [9],
    equalize: [10],
    sharpness: [11, 1.7],
    blur: [12, 23, 1.9],
    "narrow blur": [12, 9, 0.1],
    "wide blur": [12, 127, 30],
    "one tap": [12, 1, 2],
    rotate: [13, 0.9, -0.4, 5.2, 0.4, 0.9, -3.7, 0, 3, 10, 120, 250],
    "rotate, bilinear": [13, 0.9, -0.4, 5.2, 0.4, 0.9, -3.7, 1, 1, 77],
    "rotate, nearest": [13, 0.9, -0.4, 5.2, 0.4, 0.9, -3.7, 2, 0],
    shearX: [13, 1, 0.27, 0, 0, 1, 0, 0, 1, 128],
    shearY: [13, 1, 0, 0, -0.3, 1, 0, 0, 1, 128],
    "far away": [13, 1, 0, 1e6, 0, 1, -1e6, 1, 1, 128],
    "erase, zeros": [14, 0, 0, 1, 1, 0, 5, 6],
    "erase, a number a channel": [14, 0, 0, 1, 1, 1, 4294967295, 6],
    "erase, numbers": [14, 0, 0, 1, 1, 2, 5, 4294967295],
  };
  const sizes = [
    [1, 1],
    [13, 1],
    [31, 37],
  ] as const;

  /** Pictures without a resize, so that every version works on the same bytes. */
  async function compareOperations(lists: readonly (readonly (readonly number[])[])[], channels = 3) {
    for (const [height, width] of channels === 3 ? sizes : sizes.slice(2)) {
      await compareKernel("augmentImages", {
        buffers: {
          output: new Float32Array(lists.length * channels * height * width),
          normalization: new Fixed(
            Float64Array.from({ length: 2 * channels }, (_, place) => 0.2 + place / (3 * channels)),
          ),
          operations: operationRows(lists.flat()),
        },
        numbers: { outputHeight: height, outputWidth: width, channels, operationRows: lists.flat().length },
        each: lists.map((list, item) => ({
          buffers: { picture: noise(height * width * channels, item) },
          numbers: whole(height, width, {
            firstOperation: lists.slice(0, item).flat().length,
            operations: list.length,
            horizontalFlip: item % 2,
          }),
        })),
        outputs: ["output"],
      });
    }
  }

  test.each(Object.entries(rows))("%s: every version", async (_, row) => {
    await compareOperations([[row]]);
  });

  test("lists of several, of none, and rows that belong to nobody", async () => {
    const all = Object.values(rows);
    await compareOperations([all.slice(0, 9), [], all.slice(9, 22), all.slice(22)]);
  });

  test.each([1, 4, 7])("pictures of %i channels", async (channels) => {
    const colors = new Set(channels === 1 ? [] : [2, 3, 4]);
    await compareOperations(
      Object.values(rows)
        .filter(([code]) => !colors.has(code!))
        .map((row) => [row]),
      channels,
    );
    const plan = whole(41, 37, { cropY: 2.5, cropX: 3, cropHeight: 30, cropWidth: 20, horizontalFlip: 1 });
    await compareKernel("augmentImages", {
      buffers: {
        output: new Float32Array(channels * 19 * 23),
        normalization: identity(channels),
        operations: null,
      },
      numbers: { outputHeight: 19, outputWidth: 23, channels, operationRows: 0 },
      each: [{ buffers: { picture: noise(41 * 37 * channels, 3) }, numbers: plan }],
      outputs: ["output"],
      absolute: 1e-5,
    });
  });

  test("erased numbers are normal and those of the random kernel", async () => {
    const words = [123456789, 4026531840] as const;
    const { reference } = await compareKernel("augmentImages", {
      buffers: {
        output: new Float32Array(3 * 64 * 64),
        normalization: identity(),
        operations: operationRows([[14, 0, 0, 64, 64, 2, ...words]]),
      },
      numbers: { outputHeight: 64, outputWidth: 64, channels: 3, operationRows: 1 },
      each: [{ buffers: { picture: noise(64 * 64 * 3, 1) }, numbers: whole(64, 64, { operations: 1 }) }],
      outputs: ["output"],
    });
    const drawn = await compareKernel("random", {
      buffers: { output: new Float32Array(3 * 64 * 64) },
      numbers: {
        size: 3 * 64 * 64,
        distribution: 1,
        a: 0,
        b: 1,
        low: 0,
        high: 1,
        seed: words[0],
        purpose: words[1],
        step: 0,
        sample: 0,
      },
      outputs: ["output"],
    });
    expect(reference.output).toEqual(drawn.reference.output);
  });

  test.each([
    [15, 3, "augmentImages: operation 15 is unknown: there are 15"],
    [3, 4, "augmentImages: operation 3 works on 1 or 3 channels, not on 4"],
  ])("operation %i on %i channels is an error", async (code, channels, message) => {
    for (const implementation of ["naive", "fast"] as const) {
      const device = createDevice({ threads: 1, implementation });
      const upload = (content: Uint8Array | Float64Array) => {
        const place = { buffer: device.allocate(content.byteLength), byteOffset: 0 };
        device.upload(place, content);
        return place;
      };
      device.run("augmentImages", "float32", {
        output: { buffer: device.allocate(16 * channels), byteOffset: 0 },
        normalization: upload(identity(channels).values as Float64Array),
        operations: upload(operationRows([[code, 1]]).values as Float64Array),
        ...{ outputHeight: 2, outputWidth: 2, channels, operationRows: 1 },
        each: [{ picture: upload(new Uint8Array(4 * channels)), ...whole(2, 2, { operations: 1 }) }],
      });
      await expect(device.synchronize()).rejects.toThrow(message);
      device.close();
    }
  });
});

describe("mixImages and mixTargets", () => {
  const none = { top: 0, left: 0, rows: 0, columns: 0 };
  const each = [
    { partner: 3, lambda: 0.3, ...none },
    { partner: 2, lambda: 1, ...none },
    { partner: 1, lambda: 0.8, top: 1, left: 2, rows: 3, columns: 4 },
    { partner: 0, lambda: 0.5, top: 0, left: 0, rows: 5, columns: 7 },
  ].map((numbers) => ({ buffers: {}, numbers }));

  test("every version, and the sums and boxes that they are", async () => {
    const input = Float32Array.from(noise(4 * 2 * 5 * 7, 8), (value) => value / 100 - 1);
    const { reference } = await compareKernel("mixImages", {
      buffers: { output: new Float32Array(input.length), input },
      numbers: { channels: 2, height: 5, width: 7 },
      each,
      outputs: ["output"],
    });
    const at = (array: ArrayLike<number>, item: number, place: number) => array[item * 70 + place]!;
    const output = reference.output!;
    for (let place = 0; place < 70; place++) {
      const [y, x] = [Math.floor((place % 35) / 7), place % 7];
      expect(at(output, 0, place)).toBeCloseTo(0.3 * at(input, 0, place) + 0.7 * at(input, 3, place), 5);
      expect(at(output, 1, place)).toBe(at(input, 1, place));
      const pasted = y >= 1 && y < 4 && x >= 2 && x < 6;
      expect(at(output, 2, place)).toBe(at(input, pasted ? 1 : 2, place));
      expect(at(output, 3, place)).toBe(at(input, 0, place));
    }
  });

  test("targets: mixed, smoothed, sums of 1", async () => {
    const { reference } = await compareKernel("mixTargets", {
      buffers: { output: new Float32Array(4 * 5), labels: Int32Array.of(0, 4, 4, 2) },
      numbers: { classes: 5, smoothing: 0.1 },
      each: each.map(({ numbers: { partner, lambda } }) => ({ buffers: {}, numbers: { partner, lambda } })),
      outputs: ["output"],
    });
    const rows = [0, 1, 2, 3].map((row) => [...reference.output!.subarray(5 * row, 5 * row + 5)]);
    expect(rows[0]).toEqual([0.29, 0.02, 0.65, 0.02, 0.02].map((value) => expect.closeTo(value, 12)));
    expect(rows[2]).toEqual([0.02, 0.02, 0.02, 0.02, 0.92].map((value) => expect.closeTo(value, 12)));
  });

  test("a label that is no class is an error", async () => {
    const device = createDevice({ threads: 1 });
    const labels = { buffer: device.allocate(4), byteOffset: 0 };
    device.upload(labels, Int32Array.of(5));
    device.run("mixTargets", "float32", {
      output: { buffer: device.allocate(20), byteOffset: 0 },
      ...{ labels, classes: 5, smoothing: 0, each: [{ partner: 0, lambda: 1 }] },
    });
    await expect(device.synchronize()).rejects.toThrow(
      "mixTargets: label 5 is out of range: there are 5 classes",
    );
    device.close();
  });
});

describe("channelMoments", () => {
  test.each([
    [[[1, 1]], 3],
    [
      [
        [3, 5],
        [16, 16],
        [1, 49],
        [130, 97],
      ],
      3,
    ],
    [[], 3],
    [
      [
        [3, 5],
        [16, 16],
        [130, 97],
      ],
      1,
    ],
    [
      [
        [3, 5],
        [65, 33],
      ],
      4,
    ],
    [
      [
        [3, 5],
        [65, 33],
      ],
      7,
    ],
  ])("pictures of %j, %i channels", async (sizes: number[][], channels: number) => {
    const pictures = sizes.map(([height, width], item) => noise(height! * width! * channels, item + 40));
    const start = Float64Array.from({ length: 2 * channels }, (_, place) => place + 1);
    const { reference } = await compareKernel("channelMoments", {
      buffers: { output: new Fixed(start) },
      numbers: { channels },
      each: sizes.map(([height, width], item) => ({
        buffers: { picture: pictures[item]! },
        numbers: { height: height!, width: width! },
      })),
      outputs: ["output"],
      absolute: 0,
      relative: 1e-13,
    });
    for (let channel = 0; channel < channels; channel++) {
      const values = pictures.flatMap((picture) =>
        [...picture].filter((_, place) => place % channels === channel),
      );
      const sum = values.reduce((total, value) => total + value / 255, channel + 1);
      const squares = values.reduce((total, value) => total + (value / 255) ** 2, channels + channel + 1);
      expect(reference.output![channel]).toBeCloseTo(sum, 8);
      expect(reference.output![channels + channel]).toBeCloseTo(squares, 8);
    }
  });
});

describe("interpolationMatrix", () => {
  test("torch's bicubic interpolation, antialiased and not", async () => {
    const fixture = readFixture("pictures");
    const keys = [...fixture.keys()].filter((key) => key.startsWith("matrix."));
    expect(keys).toHaveLength(14);
    for (const key of keys) {
      const [outputSize, inputSize, antialias] = key.split(".").slice(1).map(Number) as [
        number,
        number,
        number,
      ];
      const { reference } = await compareKernel("interpolationMatrix", {
        buffers: { output: new Float32Array(outputSize * inputSize) },
        numbers: { outputSize, inputSize, antialias },
        outputs: ["output"],
      });
      const expected = fixture.get(key)!.data;
      let worst = 0;
      expected.forEach((value, place) => {
        worst = Math.max(worst, Math.abs(value - reference.output![place]!));
      });
      expect(worst).toBeLessThan(2e-6);
    }
  });
});
