import { join } from "node:path";
import { decodePicture, imageFolder, openDataset, type ValueRange } from "@splitmask/data";
import sharp from "sharp";
import { plain, scratchFolder, write } from "./pictures.js";
import { tiff } from "./tiff.js";

const root = scratchFolder();
/** Four columns, three rows. */
const size = { width: 4, height: 3 };
const twelve = Array.from({ length: 12 }, (_, place) => place / 11);
const spread = (black: number, white: number) => twelve.map((share) => black + share * (white - black));

/** The first channel of each pixel. */
async function greys(file: Uint8Array, valueRange?: ValueRange): Promise<number[]> {
  const { data, shape } = await decodePicture(file, valueRange === undefined ? {} : { valueRange });
  expect(shape).toEqual([3, 4, 3]);
  return Array.from({ length: 12 }, (_, place) => data[3 * place]!);
}

/** 0 to 255 where `black` to `white` is spread. */
const scaled = (values: readonly number[], black: number, white: number) =>
  values.map((value) => Math.round(Math.min(255, Math.max(0, (255 * (value - black)) / (white - black)))));

function near(found: readonly number[], expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length);
  found.forEach((value, place) => {
    expect(Math.abs(value - expected[place]!)).toBeLessThanOrEqual(1);
  });
}

describe("numbers of more than 8 bits by what they use", () => {
  const kinds: readonly (readonly [string, Parameters<typeof tiff>[0], number, number])[] = [
    ["floats in 0…1", Float32Array.from(spread(0.1, 0.9)), 0, 1],
    ["floats in −1…1", Float32Array.from(spread(-0.9, 0.8)), -1, 1],
    ["floats in 0…255", Float32Array.from(spread(3, 250)), 0, 255],
    ["other floats: their own range", Float32Array.from(spread(-3, 41)), -3, 41],
    ["very small floats: their own range", Float32Array.from(spread(0, 1e-5)), 0, 1e-5],
    ["16 bits in full", Uint16Array.from(spread(0, 65_535)), 0, 65_535],
    ["12 bits in 16", Uint16Array.from(spread(0, 4000)), 0, 4095],
    ["10 bits in 16", Uint16Array.from(spread(0, 600)), 0, 1023],
    ["signed 16 bits", Int16Array.from(spread(-1000, 3000)), -1000, 3000],
    ["signed 8 bits", Int8Array.from(spread(-128, 127)), -128, 127],
    ["32 bits", Uint32Array.from(spread(0, 1e6)), 0, 1e6],
    ["signed 32 bits", Int32Array.from(spread(-1e6, 1e6)), -1e6, 1e6],
  ];

  test.each(kinds)("%s", async (_, values, black, white) => {
    const file = tiff(values, size);
    near(await greys(file), scaled([...values], black, white));
    near(await greys(file, "file"), scaled([...values], values[0]!, values[11]!));
    near(await greys(file, [black - 1, white + 3]), scaled([...values], black - 1, white + 3));
    const grey = await decodePicture(file, { channels: 1 });
    near([...grey.data], scaled([...values], black, white));
  });

  test("floats of 16 bits", async () => {
    // 0, 0.25, 0.5, 1 as IEEE half precision.
    const halves = Uint16Array.of(0, 0x3400, 0x3800, 0x3c00, ...Array<number>(8).fill(0));
    const found = await greys(tiff(halves, { ...size, format: 3 }));
    near(found.slice(0, 4), [0, 64, 128, 255]);
  });

  test("colors of floats are no linear light", async () => {
    const colours = Float32Array.from({ length: 36 }, (_, place) => (place % 3 === 0 ? 0.5 : 0.25));
    const { data } = await decodePicture(tiff(colours, { ...size, samples: 3 }));
    near([...data.subarray(0, 3)], [128, 64, 64]);
  });

  test("NaN is black, the infinite is black and white; the others are as they are without", async () => {
    const values = Float32Array.from(spread(0, 1));
    values.set([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY], 3);
    const expected = scaled(spread(0, 1), 0, 1);
    expected.splice(3, 3, 0, 255, 0);
    near(await greys(tiff(values, size)), expected);
    near(await greys(tiff(values, size), "file"), expected);
  });

  test("one value is no range, and few bright pixels do not count among percentiles", async () => {
    expect(await greys(tiff(new Float32Array(12).fill(7), size))).toEqual(Array(12).fill(0));
    const big = { width: 100, height: 100 };
    const values = Float32Array.from({ length: 10_000 }, (_, place) => (place % 1000) / 10);
    values[5000] = 1e6;
    const { data } = await decodePicture(tiff(values, big), { valueRange: "percentiles" });
    expect(Math.abs(data[3 * 500]! - 128)).toBeLessThanOrEqual(2);
  });

  test("8 bits are left alone, PNG of 16 bits is not, transparency stays", async () => {
    const eight = await plain(4, 3, "#404040").png().toBuffer();
    for (const range of ["file", "percentiles", [0, 64]] as const) {
      expect(await greys(eight, range)).toEqual(Array(12).fill(64));
    }
    const deep = Uint16Array.from(spread(0, 4000));
    const png = (values: Uint16Array, channels: 1 | 2) =>
      sharp(values, { raw: { ...size, channels } })
        .toColourspace("grey16")
        .png()
        .toBuffer();
    near(await greys(await png(deep, 1)), scaled([...deep], 0, 4095));
    const half = Uint16Array.from({ length: 24 }, (_, place) => (place % 2 === 0 ? 2000 : 32_768));
    const { data } = await decodePicture(await png(half, 2), { channels: 4, valueRange: [0, 4000] });
    near([...data.subarray(0, 4)], [128, 128, 128, 128]);
  });

  test("white that is zero is turned around before", async () => {
    const values = Uint8Array.from(spread(0, 255));
    near(
      await greys(tiff(values, { ...size, photometric: 0 })),
      [...values].map((value) => 255 - value),
    );
  });
});

describe("TIFF channels", () => {
  const pixel = [200, 100, 50, 25];
  const colours = Uint8Array.from({ length: 48 }, (_, place) => pixel[place % 4]!);

  test("a channel behind RGB is transparency only where the file says so", async () => {
    const found = async (extra: number[]) =>
      (await decodePicture(tiff(colours, { ...size, samples: 4, extra }))).data.subarray(0, 3);
    expect([...(await found([0]))]).toEqual([200, 100, 50]);
    expect([...(await found([]))]).toEqual([200, 100, 50]);
    expect([...(await found([2]))]).not.toEqual([200, 100, 50]);
    const opaque = await decodePicture(tiff(colours, { ...size, samples: 4 }), { channels: 4 });
    expect([...opaque.data.subarray(0, 4)]).toEqual([200, 100, 50, 255]);
  });

  const refused: readonly (readonly [string, Buffer])[] = [
    [
      "2 channels, of which 1 have no meaning",
      tiff(new Uint8Array(24), { ...size, samples: 2, photometric: 1, extra: [0] }),
    ],
    [
      "7 channels, of which 4 have no meaning",
      tiff(new Uint8Array(84), { ...size, samples: 7, extra: [0, 0, 0, 0] }),
    ],
    ["64-bit floats", tiff(new Float64Array(12), size)],
    ["complex numbers", tiff(new Float32Array(24), { ...size, format: 6, bits: 64 })],
    ["whole numbers of 12 bits", tiff(new Uint8Array(18), { ...size, bits: 12 })],
    [
      "YCbCr colors that are not subsampled",
      tiff(new Uint8Array(36), { ...size, samples: 3, photometric: 6, subsampling: [1, 1] }),
    ],
    ["CIE L*a*b* colors", tiff(new Uint8Array(36), { ...size, samples: 3, photometric: 8 })],
    ["JPEG 2000 compression", tiff(new Uint8Array(12), { ...size, compression: 34712 })],
    ["Zstandard compression", tiff(new Uint8Array(12), { ...size, compression: 50_000 })],
  ];

  test.each(refused)("%s: said, and what to do", async (what, file) => {
    const said = decodePicture(file).catch((error: Error) => error.message);
    expect(await said).toContain(`a TIFF file with ${what}`);
    expect(await said).toContain("which is not decoded; save it as");
  });
});

describe("one range for a data set", () => {
  const folder = (name: string) => join(root, name);
  const brightness = async (dataset: Awaited<ReturnType<typeof openDataset>>, index: number) =>
    (await dataset.image(index)).data[0]!;

  test("is measured over all, noted, and part of the fingerprint", async () => {
    for (const [index, level] of [500, 1000, 4000].entries()) {
      write(join(folder("deep"), `${index}.tif`), tiff(new Uint16Array(12).fill(level), size));
    }
    const dataset = await openDataset(folder("deep"));
    expect(dataset.valueRange).toEqual([0, 4095]);
    expect([
      await brightness(dataset, 0),
      await brightness(dataset, 1),
      await brightness(dataset, 2),
    ]).toEqual([31, 62, 249]);
    expect(dataset.notes).toEqual([
      {
        level: "info",
        text:
          "3 of 3 pictures looked at hold whole numbers from 500 to 4,000; 0 is black and 4,095 white in all " +
          "pictures; another range is given by valueRange (--value-range)",
      },
    ]);
    const same = await openDataset(folder("deep"), { valueRange: [0, 4095] });
    const other = await openDataset(folder("deep"), { valueRange: [0, 2000] });
    expect(await same.fingerprint!()).toBe(await dataset.fingerprint!());
    expect(await other.fingerprint!()).not.toBe(await dataset.fingerprint!());
    expect(other.notes![0]).toMatchObject({
      level: "warning",
      text: expect.stringContaining("33.3333 % of the values lie outside"),
    });
    expect((await openDataset(folder("deep"), { valueRange: "file" })).valueRange).toBe("file");
    expect(dataset).toBeInstanceOf((await imageFolder(folder("deep"))).constructor);
  });

  test("a range that would make all black is warned of", async () => {
    const dataset = await openDataset(folder("deep"), { valueRange: [0, 10_000_000] });
    expect(dataset.notes![0]!.level).toBe("warning");
  });

  test("whole numbers and floats have no range in common", async () => {
    write(join(folder("mixed"), "0.tif"), tiff(new Uint16Array(12).fill(500), size));
    write(join(folder("mixed"), "1.tif"), tiff(Float32Array.from(twelve), size));
    const dataset = await openDataset(folder("mixed"));
    expect(dataset.valueRange).toBe("file");
    expect(dataset.notes![0]!.level).toBe("warning");
  });

  test("pictures of 8 bits need none", async () => {
    write(join(folder("plain"), "0.png"), await plain(4, 3, "red").png().toBuffer());
    const dataset = await openDataset(folder("plain"));
    expect([dataset.valueRange, dataset.notes ?? []]).toEqual([undefined, []]);
    const given = await openDataset(folder("plain"), { valueRange: [0, 100] });
    expect(given.notes).toEqual([
      { level: "info", text: "the pictures have 8 bits, so that a value range changes nothing" },
    ]);
    expect(await brightness(given, 0)).toBe(255);
  });
});
