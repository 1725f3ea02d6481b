import { centerCrop, randomResizedCrop } from "@splitmask/augmentation";
import { RandomStream } from "@splitmask/autograd";

const stream = (sample: number) => new RandomStream({ seed: 1, purpose: "test", sample });

describe("randomResizedCrop", () => {
  test("boxes lie inside, with areas and ratios in their ranges and uniform", () => {
    const rule = randomResizedCrop({ scale: [0.2, 0.8] });
    const areas: number[] = [];
    const logRatios: number[] = [];
    let flips = 0;
    for (let sample = 0; sample < 4000; sample++) {
      const { cropY, cropX, cropHeight, cropWidth, flip } = rule.plan(300, 300, stream(sample));
      for (const value of [cropY, cropX, cropHeight, cropWidth]) expect(Number.isInteger(value)).toBe(true);
      expect(cropY >= 0 && cropX >= 0 && cropY + cropHeight <= 300 && cropX + cropWidth <= 300).toBe(true);
      areas.push((cropHeight * cropWidth) / 90_000);
      logRatios.push(Math.log(cropWidth / cropHeight) / Math.log(4 / 3));
      if (flip) flips++;
    }
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(Math.min(...areas)).toBeGreaterThan(0.195);
    expect(Math.max(...areas)).toBeLessThan(0.805);
    // Uniform but for the few large boxes that do not fit and are drawn again.
    expect(mean(areas)).toBeGreaterThan(0.48);
    expect(mean(areas)).toBeLessThan(0.505);
    expect(Math.max(...logRatios.map(Math.abs))).toBeLessThan(1.03);
    expect(Math.abs(mean(logRatios))).toBeLessThan(0.03);
    expect(mean(logRatios.map((value) => value ** 2))).toBeGreaterThan(0.29);
    expect(Math.abs(flips / 4000 - 0.5)).toBeLessThan(0.03);
  });

  test("the same stream gives the same plan", () => {
    const rule = randomResizedCrop();
    expect(rule.plan(100, 80, stream(5))).toEqual(rule.plan(100, 80, stream(5)));
    expect(rule.plan(100, 80, stream(5))).not.toEqual(rule.plan(100, 80, stream(6)));
  });

  test("where no box fits: the largest centered one within the ratios", () => {
    const rule = randomResizedCrop({ scale: [1, 1], horizontalFlip: 0 });
    expect(rule.plan(10, 1000, stream(0))).toEqual({
      cropY: 0,
      cropX: 493,
      cropHeight: 10,
      cropWidth: 13,
      flip: false,
    });
    expect(rule.plan(1000, 9, stream(0))).toEqual({
      cropY: 494,
      cropX: 0,
      cropHeight: 12,
      cropWidth: 9,
      flip: false,
    });
    expect(rule.plan(1, 1, stream(0))).toEqual({
      cropY: 0,
      cropX: 0,
      cropHeight: 1,
      cropWidth: 1,
      flip: false,
    });
  });

  test("wrong numbers", () => {
    expect(() => randomResizedCrop({ scale: [0.5, 0.2] })).toThrow(
      "randomResizedCrop: scale is [0.5, 0.2]; expected two rising numbers above 0 and at most 1.",
    );
    expect(() => randomResizedCrop({ ratio: [0, 1] })).toThrow(
      "randomResizedCrop: ratio is [0, 1]; expected two rising numbers above 0.",
    );
    expect(() => randomResizedCrop({ horizontalFlip: 2 })).toThrow(
      "randomResizedCrop: horizontalFlip is 2; expected a probability from 0 to 1.",
    );
  });
});

describe("centerCrop", () => {
  test("the middle square", () => {
    expect(centerCrop().plan(256, 320, stream(0))).toEqual({
      cropY: 16,
      cropX: 48,
      cropHeight: 224,
      cropWidth: 224,
      flip: false,
    });
    expect(centerCrop({ ratio: 1 }).plan(1, 1, stream(0))).toMatchObject({ cropY: 0, cropHeight: 1 });
    expect(() => centerCrop({ ratio: 0 })).toThrow(
      "centerCrop: ratio is 0; expected a share above 0 and at most 1.",
    );
  });
});
