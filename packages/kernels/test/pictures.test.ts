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

interface Plan {
  height: number;
  width: number;
  cropY: number;
  cropX: number;
  cropHeight: number;
  cropWidth: number;
  flip: number;
}

const whole = (height: number, width: number, flip = 0): Plan => ({
  height,
  width,
  cropY: 0,
  cropX: 0,
  cropHeight: height,
  cropWidth: width,
  flip,
});

const identity = { mean0: 0, mean1: 0, mean2: 0, std0: 1, std1: 1, std2: 1 };

describe("augmentImages", () => {
  const plans: Plan[] = [
    whole(40, 33),
    whole(7, 5, 1),
    whole(1, 1),
    whole(1, 300),
    whole(130, 2, 1),
    { height: 61, width: 75, cropY: 3.25, cropX: 10.5, cropHeight: 41.75, cropWidth: 52.125, flip: 1 },
    { height: 61, width: 75, cropY: 60, cropX: 74, cropHeight: 1, cropWidth: 1, flip: 0 },
    { height: 200, width: 190, cropY: 5, cropX: 2, cropHeight: 190, cropWidth: 181, flip: 0 },
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
        buffers: { output: new Float32Array(plans.length * 3 * outputHeight * outputWidth) },
        numbers: {
          outputHeight,
          outputWidth,
          filter,
          mean0: 0.485,
          mean1: 0.456,
          mean2: 0.406,
          std0: 0.229,
          std1: 0.224,
          std2: 0.225,
        },
        each,
        outputs: ["output"],
        absolute: 1e-5,
      });
    }
  });

  test("no pictures", async () => {
    await compareKernel("augmentImages", {
      buffers: { output: new Float32Array(0) },
      numbers: { outputHeight: 8, outputWidth: 8, filter: 0, ...identity },
      each: [],
      outputs: ["output"],
    });
  });

  test("the same size is the picture itself, flipped or not", async () => {
    const picture = noise(6 * 5 * 3, 9);
    for (const flip of [0, 1]) {
      const { reference } = await compareKernel("augmentImages", {
        buffers: { output: new Float32Array(3 * 30) },
        numbers: { outputHeight: 6, outputWidth: 5, filter: 0, ...identity },
        each: [{ buffers: { picture }, numbers: { ...whole(6, 5, flip) } }],
        outputs: ["output"],
      });
      const expected = Float64Array.from({ length: 90 }, (_, place) => {
        const [channel, y, x] = [Math.floor(place / 30), Math.floor((place % 30) / 5), place % 5];
        return picture[(y * 5 + (flip ? 4 - x : x)) * 3 + channel]! / 255;
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
        device.run("augmentImages", "float32", {
          output,
          outputHeight,
          outputWidth,
          filter,
          ...identity,
          each: [
            {
              picture,
              height: shape[0]!,
              width: shape[1]!,
              cropY: box[0]!,
              cropX: box[1]!,
              cropHeight: box[2]!,
              cropWidth: box[3]!,
              flip: 0,
            },
          ],
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
        // Pillow rounds after each of its two passes: half a level each, the first one spread by the cubic's negative lobes.
        expect(worst).toBeLessThan(1.25);
        expect(sum / (3 * area)).toBeLessThan(0.36);
      }
    }
    device.close();
  });
});

describe("channelMoments", () => {
  test.each([
    [[[1, 1]]],
    [
      [
        [3, 5],
        [16, 16],
        [1, 49],
        [130, 97],
      ],
    ],
    [[]],
  ])("pictures of %j", async (sizes: number[][]) => {
    const pictures = sizes.map(([height, width], item) => noise(height! * width! * 3, item + 40));
    const start = Float64Array.of(1, 2, 3, 4, 5, 6);
    const { reference } = await compareKernel("channelMoments", {
      buffers: { output: new Fixed(start) },
      numbers: {},
      each: sizes.map(([height, width], item) => ({
        buffers: { picture: pictures[item]! },
        numbers: { height: height!, width: width! },
      })),
      outputs: ["output"],
      absolute: 0,
      relative: 1e-13,
    });
    for (let channel = 0; channel < 3; channel++) {
      const values = pictures.flatMap((picture) => [...picture].filter((_, place) => place % 3 === channel));
      const sum = values.reduce((total, value) => total + value / 255, channel + 1);
      const squares = values.reduce((total, value) => total + (value / 255) ** 2, channel + 4);
      expect(reference.output![channel]).toBeCloseTo(sum, 8);
      expect(reference.output![3 + channel]).toBeCloseTo(squares, 8);
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
