import { createDevice } from "@splitmask/kernels";
import { compareKernel } from "./compareKernel.js";

/**
 * Small whole numbers: every sum and squared distance is exact, so that versions cannot choose differently by rounding.
 */
function wholeNumbers(size: number, below: number, seed: number): Float32Array {
  let state = (seed * 2654435761 + 99) >>> 0;
  return Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 16) % below;
  });
}

const shapes = [
  [0, 3, 2],
  [1, 1, 1],
  [5, 16, 3],
  [37, 17, 5],
  [700, 33, 9],
  [1500, 192, 64],
];

describe("segmentSums", () => {
  test.each(shapes)("%i points × %i in %i segments", async (points, width, segments) => {
    const values = wholeNumbers(points! * width!, 31, 1);
    const assignments = Int32Array.from(wholeNumbers(points!, segments!, 2));
    for (const accumulate of [0, 1]) {
      const { reference } = await compareKernel("segmentSums", {
        buffers: {
          sums: wholeNumbers(segments! * width!, 9, 3),
          counts: wholeNumbers(segments!, 9, 4),
          pointsArray: values,
          assignments,
        },
        numbers: { points: points!, width: width!, segments: segments!, accumulate },
        outputs: ["sums", "counts"],
        absolute: 0,
        relative: 0,
      });
      if (accumulate === 0) {
        const total = (reference.counts as Float64Array).reduce(
          (sum: number, count: number) => sum + count,
          0,
        );
        expect(total).toBe(points);
      }
    }
  });

  test("an assignment that is no segment", async () => {
    for (const implementation of ["naive", "fast"] as const) {
      const device = createDevice({ implementation, threads: 2 });
      const place = (bytes: number) => ({ buffer: device.allocate(bytes), byteOffset: 0 });
      const [sums, counts, points, assignments] = [place(32), place(8), place(48), place(12)];
      device.upload(points!, new Float32Array(12));
      device.upload(assignments!, Int32Array.of(0, 2, 1));
      device.run("segmentSums", "float32", {
        sums: sums!,
        counts: counts!,
        pointsArray: points!,
        assignments: assignments!,
        ...{ points: 3, width: 4, segments: 2, accumulate: 0 },
      });
      await expect(device.synchronize()).rejects.toThrow(
        "assignment 2 is not a segment: it must be at least 0 and less than 2",
      );
      device.close();
    }
  });
});

describe("kMeansSeed", () => {
  test.each([
    [1, 3, 1],
    [20, 5, 20],
    [600, 16, 12],
    [1400, 37, 8],
    [515, 192, 5],
  ])("%i points × %i, %i centroids", async (points, width, to) => {
    const pointsArray = wholeNumbers(points * width, 16, 5);
    const { reference } = await compareKernel("kMeansSeed", {
      buffers: { centroids: new Float32Array(to * width), distances: new Float32Array(points), pointsArray },
      numbers: { points, width, from: 0, to, seed: 3, purpose: 77 },
      outputs: ["centroids", "distances"],
      absolute: 0,
      relative: 0,
    });
    // Every centroid is a point, and the distances are those to the nearest of them.
    const rows = (array: ArrayLike<number>, count: number) =>
      Array.from({ length: count }, (_, row) =>
        Array.from({ length: width }, (_, c) => array[row * width + c]!),
      );
    const centroids = rows(reference.centroids!, to);
    const all = rows(pointsArray, points);
    const known = new Set(all.map(String));
    for (const centroid of centroids) expect(known.has(String(centroid))).toBe(true);
    all.forEach((point, index) => {
      const nearest = Math.min(
        ...centroids.map((c) => c.reduce((sum, value, column) => sum + (value - point[column]!) ** 2, 0)),
      );
      expect(reference.distances![index]).toBe(nearest);
    });
    // Distinct points are never chosen twice while there are others.
    if (points > to) expect(new Set(centroids.map(String)).size).toBe(to);
  });

  test("in two calls as in one, and with fewer different points than centroids", async () => {
    const device = createDevice({ threads: 2 });
    const [points, width, to] = [900, 8, 10];
    const place = (bytes: number) => ({ buffer: device.allocate(bytes), byteOffset: 0 });
    const pointsArray = place(4 * points * width);
    const distances = place(4 * points);
    device.upload(pointsArray, wholeNumbers(points * width, 50, 6));
    const numbers = { points, width, seed: 8, purpose: 1 };
    const seedInParts = async (borders: number[]) => {
      const centroids = place(4 * to * width);
      for (let part = 1; part < borders.length; part++) {
        const [from, end] = [borders[part - 1]!, borders[part]!];
        device.run("kMeansSeed", "float32", { centroids, distances, pointsArray, ...numbers, from, to: end });
      }
      return [...new Float32Array(await device.download(centroids, 4 * to * width))];
    };
    const once = await seedInParts([0, to]);
    expect(await seedInParts([0, 1, 7, to])).toEqual(once);
    device.upload(pointsArray, new Float32Array(points * width).fill(4));
    expect(await seedInParts([0, to])).toEqual(Array(to * width).fill(4));
    device.close();
  });

  test("chooses in proportion to the squared distance", async () => {
    // Nine points at 0 and one each at 1 and 2: after a first centroid at 0, the others come with odds 1 : 4.
    const device = createDevice({ threads: 1 });
    const place = (bytes: number) => ({ buffer: device.allocate(bytes), byteOffset: 0 });
    const [centroids, distances, pointsArray] = [place(8), place(44), place(44)];
    device.upload(pointsArray, Float32Array.of(0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0));
    const counts = [0, 0, 0];
    for (let seed = 0; seed < 600; seed++) {
      device.run("kMeansSeed", "float32", {
        centroids,
        distances,
        pointsArray,
        points: 11,
        width: 1,
        from: 0,
        to: 2,
        seed,
        purpose: 5,
      });
      const [first, second] = new Float32Array(await device.download(centroids, 8));
      if (first === 0) counts[second!]!++;
    }
    expect(counts[0]).toBe(0);
    const share = counts[2]! / (counts[1]! + counts[2]!);
    expect(Math.abs(share - 0.8)).toBeLessThan(0.06); // about 490 draws: 3.3 standard errors
    device.close();
  });
});

describe("kMeansUpdate", () => {
  test.each([
    [1, 1],
    [7, 5],
    [64, 16],
    [200, 33],
  ])("%i segments × %i", async (segments, width) => {
    const counts = wholeNumbers(segments, 4, 7); // some are empty
    counts[0] = 0;
    const centroids = wholeNumbers(segments * width, 9, 8);
    const { reference } = await compareKernel("kMeansUpdate", {
      buffers: { centroids, shift: new Float32Array(1), sums: wholeNumbers(segments * width, 99, 9), counts },
      numbers: { segments, width },
      outputs: ["centroids", "shift"],
    });
    expect([...reference.centroids!.subarray(0, width)]).toEqual([...centroids.subarray(0, width)]);
    let largest = 0;
    for (let segment = 0; segment < segments; segment++) {
      let move = 0;
      for (let c = segment * width; c < (segment + 1) * width; c++) {
        move += (reference.centroids![c]! - centroids[c]!) ** 2;
      }
      largest = Math.max(largest, move);
    }
    expect(reference.shift![0]).toBeCloseTo(largest, 8);
  });

  test("NaN sums show in the shift", async () => {
    const { reference } = await compareKernel("kMeansUpdate", {
      buffers: {
        centroids: new Float32Array(4),
        shift: new Float32Array(1),
        sums: Float32Array.of(1, 1, Number.NaN, 1),
        counts: Float32Array.of(1, 1),
      },
      numbers: { segments: 2, width: 2 },
      outputs: ["centroids", "shift"],
    });
    expect(reference.shift![0]).toBeNaN();
  });
});

describe("neighborVotes", () => {
  test("weights by exp(similarity / temperature)", async () => {
    const values = Float32Array.of(0.9, 0.5, 0.1, 0.8, 0.8, -1);
    const { reference } = await compareKernel("neighborVotes", {
      buffers: {
        scores: new Float32Array(6).fill(7),
        values,
        indices: Int32Array.of(3, 0, 1, 2, 2, 4),
        labels: Int32Array.of(1, 1, 0, 2, 0),
      },
      numbers: { rows: 2, k: 3, classes: 3, labelCount: 5, temperature: 0.07 },
      outputs: ["scores"],
    });
    const weight = (place: number) => Math.exp((values[place]! - values[place < 3 ? 0 : 3]!) / 0.07);
    const expected = [0, weight(1) + weight(2), weight(0), weight(3) + weight(4) + weight(5), 0, 0];
    reference.scores!.forEach((score, place) => {
      expect(score / (expected[place]! || 1)).toBeCloseTo(expected[place] ? 1 : 0, 12);
    });
  });

  test("no temperature overflows: the nearest takes all, equals share", async () => {
    for (const temperature of [1e-4, 1e-30, 5e-324]) {
      const { reference } = await compareKernel("neighborVotes", {
        buffers: {
          scores: new Float32Array(6),
          values: Float32Array.of(0.5, 0.9, -1, 0.3, 0.3, 0.1),
          indices: Int32Array.of(0, 1, 2, 0, 1, 2),
          labels: Int32Array.of(0, 1, 2),
        },
        numbers: { rows: 2, k: 3, classes: 3, labelCount: 3, temperature },
        outputs: ["scores"],
      });
      expect([...reference.scores!]).toEqual([0, 1, 0, 1, 1, 0]);
    }
  });

  test.each([
    [[0, 5], [0, 0], "neighbor 5 has no label: it must be at least 0 and less than 2"],
    [[0, 1], [0, 3], "label 3 is not a class: it must be at least 0 and less than 2"],
  ])("neighbors %j with labels %j", async (indices, labels, text) => {
    const device = createDevice({ threads: 1 });
    const place = (array: Float32Array | Int32Array) => {
      const argument = { buffer: device.allocate(array.byteLength), byteOffset: 0 };
      device.upload(argument, array);
      return argument;
    };
    device.run("neighborVotes", "float32", {
      scores: place(new Float32Array(2)),
      values: place(new Float32Array(2)),
      indices: place(Int32Array.from(indices)),
      labels: place(Int32Array.from(labels)),
      ...{ rows: 1, k: 2, classes: 2, labelCount: 2, temperature: 1 },
    });
    await expect(device.synchronize()).rejects.toThrow(text);
    device.close();
  });
});
