import { join } from "node:path";
import { decodePicture, openDataset, PictureError, readPictureSize } from "@splitmask/data";
import { scratchFolder, write } from "./pictures.js";

const root = scratchFolder();

/** Five columns, three rows: rows of 1, 4, 8 and 24 bits a pixel all have bytes to fill them up. */
const [width, height] = [5, 3];
const places = Array.from({ length: width * height }, (_, place) => place);
/** Pixel `place` as red, green and blue. */
const colour = (place: number) => [place * 16, 255 - place * 16, (place * 40) % 256];
const expected = places.flatMap(colour);

/** Rows from the lowest to the highest, each filled up to four bytes. */
function bottomUp(rows: readonly (readonly number[])[]): number[] {
  return [...rows]
    .reverse()
    .flatMap((row) => [...row, ...Array<number>((4 - (row.length % 4)) % 4).fill(0xee)]);
}

const rowsOf = <Value>(values: readonly Value[]) =>
  Array.from({ length: height }, (_, row) => values.slice(width * row, width * (row + 1)));

interface BmpSettings {
  readonly bits: number;
  readonly compression?: number;
  readonly masks?: readonly number[];
  /** Red, green and blue of each color. */
  readonly palette?: readonly (readonly number[])[];
  readonly top?: boolean;
  /** Bytes of the header: 12, 40 or 124. */
  readonly header?: 12 | 40 | 124;
}

function bmp(pixels: readonly number[], settings: BmpSettings): Buffer {
  const { bits, compression = 0, masks = [], palette = [], top = false, header = 40 } = settings;
  const head = Buffer.alloc(14 + header);
  head.write("BM");
  head.writeUInt32LE(header, 14);
  if (header === 12) {
    head.writeUInt16LE(width, 18);
    head.writeUInt16LE(height, 20);
    head.writeUInt16LE(1, 22);
    head.writeUInt16LE(bits, 24);
  } else {
    head.writeInt32LE(width, 18);
    head.writeInt32LE(top ? -height : height, 22);
    head.writeUInt16LE(1, 26);
    head.writeUInt16LE(bits, 28);
    head.writeUInt32LE(compression, 30);
    head.writeUInt32LE(palette.length, 46);
  }
  const maskBytes = Buffer.from(Uint32Array.from(masks).buffer);
  if (header === 124) maskBytes.copy(head, 54);
  const behind = header === 124 ? Buffer.alloc(0) : maskBytes;
  const colours = Buffer.from(
    palette.flatMap(([r, g, b]) => (header === 12 ? [b!, g!, r!] : [b!, g!, r!, 0])),
  );
  head.writeUInt32LE(head.length + behind.length + colours.length, 10);
  return Buffer.concat([head, behind, colours, Buffer.from(pixels)]);
}

const blueFirst = (place: number) => [...colour(place)].reverse();
const palette = places.map(colour);
const two = [
  [10, 20, 30],
  [200, 100, 50],
];
const words = (values: readonly number[]) =>
  rowsOf(values).map((row) => row.flatMap((value) => [value & 255, value >> 8]));
const packed = (bits: number, values: readonly number[]) =>
  rowsOf(values).map((row) =>
    Array.from({ length: Math.ceil((width * bits) / 8) }, (_, byte) =>
      row
        .slice((byte * 8) / bits, ((byte + 1) * 8) / bits)
        .reduce((sum, value, at) => sum | (value << (8 - bits * (at + 1))), 0),
    ),
  );
const bytes = (values: readonly number[]) => rowsOf(values);

const bmps: readonly (readonly [string, Buffer, readonly number[]])[] = [
  ["24 bits", bmp(bottomUp(rowsOf(places).map((row) => row.flatMap(blueFirst))), { bits: 24 }), expected],
  [
    "24 bits from the top",
    bmp(
      bottomUp(
        rowsOf(places)
          .reverse()
          .map((row) => row.flatMap(blueFirst)),
      ),
      { bits: 24, top: true },
    ),
    expected,
  ],
  [
    "32 bits of which 8 mean nothing",
    bmp(bottomUp(rowsOf(places).map((row) => row.flatMap((place) => [...blueFirst(place), 7 * place]))), {
      bits: 32,
    }),
    expected,
  ],
  [
    "32 bits, red first",
    bmp(bottomUp(rowsOf(places).map((row) => row.flatMap((place) => [...colour(place), 0]))), {
      bits: 32,
      compression: 3,
      masks: [0xff, 0xff00, 0xff0000],
    }),
    expected,
  ],
  [
    "32 bits with transparency",
    bmp(
      bottomUp(
        rowsOf(places).map((row) => row.flatMap((place) => [...blueFirst(place), place === 0 ? 0 : 255])),
      ),
      {
        bits: 32,
        compression: 3,
        masks: [0xff0000, 0xff00, 0xff, 0xff000000],
        header: 124,
      },
    ),
    [255, 255, 255, ...expected.slice(3)],
  ],
  [
    "16 bits: five each",
    bmp(bottomUp(words(places.map((place) => (place << 10) | ((31 - place) << 5) | 31))), { bits: 16 }),
    places.flatMap((place) => [Math.round((place * 255) / 31), Math.round(((31 - place) * 255) / 31), 255]),
  ],
  [
    "16 bits: five, six, five",
    bmp(bottomUp(words(places.map((place) => (place << 11) | ((63 - place) << 5)))), {
      bits: 16,
      compression: 3,
      masks: [0xf800, 0x07e0, 0x001f],
    }),
    places.flatMap((place) => [Math.round((place * 255) / 31), Math.round(((63 - place) * 255) / 63), 0]),
  ],
  ["a palette of 8 bits", bmp(bottomUp(bytes(places)), { bits: 8, palette }), expected],
  ["a palette of 4 bits", bmp(bottomUp(packed(4, places)), { bits: 4, palette }), expected],
  [
    "a palette of 1 bit",
    bmp(
      bottomUp(
        packed(
          1,
          places.map((place) => place % 2),
        ),
      ),
      { bits: 1, palette: two },
    ),
    places.flatMap((place) => two[place % 2]!),
  ],
  [
    "the first header, of 12 bytes",
    bmp(bottomUp(bytes(places)), {
      bits: 8,
      palette: Array.from({ length: 256 }, (_, place) => palette[place] ?? [0, 0, 0]),
      header: 12,
    }),
    expected,
  ],
  [
    "runs of 8 bits",
    // The lowest row: five times 2. The middle one: 1, 2, 3 as they are, then two of 4. The highest one is passed over
    // but for its last pixel.
    bmp([5, 2, 0, 0, 0, 3, 1, 2, 3, 0, 2, 4, 0, 0, 0, 2, 4, 0, 1, 6, 0, 1], {
      bits: 8,
      compression: 1,
      palette,
    }),
    [0, 0, 0, 0, 6, 1, 2, 3, 4, 4, 2, 2, 2, 2, 2].flatMap(colour),
  ],
  [
    "runs of 4 bits",
    bmp([5, 0x12, 0, 0, 0, 5, 0x34, 0x56, 0x70, 0, 0, 0, 5, 0x88, 0, 1], {
      bits: 4,
      compression: 2,
      palette,
    }),
    [8, 8, 8, 8, 8, 3, 4, 5, 6, 7, 1, 2, 1, 2, 1].flatMap(colour),
  ],
];

const grey = places.map((place) => place * 17);
const spread = (values: readonly number[]) => values.flatMap((value) => [value, value, value]);
const black = places.map((place) => place % 3 === 0);
const netpbm = (head: string, ...content: number[]) =>
  Buffer.concat([Buffer.from(head), Buffer.from(content)]);

const netpbms: readonly (readonly [string, Buffer, readonly number[]])[] = [
  ["P6", netpbm("P6\n# by hand\n5 3\n255\n", ...expected), expected],
  ["P5", netpbm("P5 5 3 255\n", ...grey), spread(grey)],
  ["P5 up to 15", netpbm("P5\n5 3\n15\n", ...places), spread(grey)],
  ["P5 up to 65535", netpbm("P5\n5 3\n65535\n", ...grey.flatMap((value) => [value, value])), spread(grey)],
  [
    "P5 up to 4095",
    netpbm("P5\n5 3\n4095\n", ...places.flatMap((place) => [place, place * 17])),
    spread(grey),
  ],
  [
    "P4",
    netpbm("P4\n5 3\n", ...packed(1, black.map(Number)).flat()),
    spread(black.map((isBlack) => (isBlack ? 0 : 255))),
  ],
  ["P3", netpbm(`P3\n5 3 255\n${expected.join(" ")}\n`), expected],
  ["P2 with comments", netpbm(`P2\n5 3 15 # up to\n${places.join(" # so\n")}`), spread(grey)],
  [
    "P1",
    netpbm(`P1\n5 3\n${black.map(Number).join("")}`),
    spread(black.map((isBlack) => (isBlack ? 0 : 255))),
  ],
];

describe("pixels that lie bare in their files", () => {
  test.each([...bmps, ...netpbms])("%s", async (name, file, pixels) => {
    const { data, shape } = await decodePicture(file);
    expect(shape).toEqual([height, width, 3]);
    data.forEach((value, place) => {
      expect(Math.abs(value - pixels[place]!)).toBeLessThanOrEqual(name.startsWith("P5 up to 4095") ? 1 : 0);
    });
    const path = write(join(root, "bare"), file);
    expect(await readPictureSize(path)).toEqual({ height, width });
    expect((await decodePicture(path)).data).toEqual(data);
  });

  test.each([...bmps, ...netpbms])("%s cut off anywhere is an error, or whole", async (_, file) => {
    const { data } = await decodePicture(file);
    // Of the last number in digits nobody can tell that it was longer.
    const end = /^P[23]/.test(file.toString("latin1")) ? file.length - 9 : file.length;
    for (let length = 1; length < end; length++) {
      const found = await decodePicture(file.subarray(0, length)).catch((error: unknown) => error);
      if (!(found instanceof PictureError)) {
        expect([length, (found as { data: Uint8Array }).data]).toEqual([length, data]);
      }
    }
  });

  test("what they are not decoded of is said", async () => {
    const reason = (file: Buffer) => decodePicture(file).catch((error: PictureError) => error.reason);
    expect(await reason(bmp([], { bits: 24, compression: 4 }))).toBe(
      "a BMP file of 24 bits a pixel with JPEG compression, which is not decoded; save it without compression",
    );
    expect(
      await reason(
        bmp(Array<number>(60).fill(0), { bits: 32, compression: 3, masks: [0x3ff, 0xffc00, 0x3ff00000] }),
      ),
    ).toMatch(/^a BMP file whose colors are not whole bytes of 32 bits, which is not decoded/);
    expect(await reason(bmps[0]![1].subarray(0, -2))).toBe("truncated: the BMP data ends too early");
    expect(await reason(netpbms[0]![1].subarray(0, -1))).toBe("truncated: the PPM data ends too early");
    expect(await reason(netpbm("P2 5 3 9 1 2 3 4 5 6 7 8 9 10 1 1 1 1 1"))).toBe(
      "damaged: the PPM data is not numbers up to 9",
    );
    expect(await reason(netpbm("BM, said he, and wrote it down"))).toBe("not a picture: looks like text");
    const large = Buffer.from(bmps[11]![1]);
    large.writeInt32LE(40_000, 18);
    large.writeInt32LE(40_000, 22);
    expect(await reason(large)).toMatch(/^too large: 40000×40000, 1,600,000,000 pixels/);
    expect(await reason(netpbm("P6 99999 99999 255\n"))).toMatch(/^too large: 99999×99999/);
  });

  test("a folder of them opens, and each says itself what is white", async () => {
    write(join(root, "folder", "a.bmp"), bmps[0]![1]);
    write(join(root, "folder", "b.pgm"), netpbms[4]![1]);
    const dataset = await openDataset(join(root, "folder"));
    expect([dataset.length, dataset.notes ?? [], dataset.valueRange]).toEqual([2, [], undefined]);
    expect((await dataset.image(0)).data).toEqual(Uint8Array.from(expected));
  });
});
