import { join } from "node:path";
import zlib from "node:zlib";
import { decodePicture, type FailOn, PictureError, readPictureSize } from "@splitmask/data";
import { gradient, scratchFolder, write } from "./pictures.js";
import { tiff } from "./tiff.js";

const root = scratchFolder();

const insert = (file: Buffer, at: number, ...bytes: number[]) =>
  Buffer.concat([file.subarray(0, at), Buffer.of(...bytes), file.subarray(at)]);
const changed = (file: Buffer, at: number, ...bytes: number[]) => {
  const copy = Buffer.from(file);
  copy.set(bytes, at);
  return copy;
};
/** Where a marker of a JPEG file is, outside of other segments. */
const marker = (file: Buffer, second: number) => file.indexOf(Buffer.of(0xff, second), 2);
/** The last three bytes of a scan's header: spectral selection and approximation. */
const selection = (file: Buffer) => {
  const scan = marker(file, 0xda);
  return scan + 2 + file.readUInt16BE(scan + 2) - 3;
};

const sequential = () => gradient(90, 60).jpeg({ mozjpeg: false }).toBuffer();
const progressive = () => gradient(90, 60).jpeg({ progressive: true }).toBuffer();
/** Places of the restart markers. */
const restarts = (file: Buffer) =>
  [...file.keys()].filter(
    (at) => at > marker(file, 0xda) && file[at] === 0xff && file[at + 1]! >= 0xd0 && file[at + 1]! <= 0xd7,
  );

function chunk(type: string, content: Uint8Array, checksum?: number): Buffer {
  const named = Buffer.concat([Buffer.from(type, "latin1"), content]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(content.length, 0);
  ends.writeUInt32BE(checksum ?? zlib.crc32(named), 4);
  return Buffer.concat([ends.subarray(0, 4), named, ends.subarray(4)]);
}

/** Where the length of a PNG's first chunk of pixels is. */
const pixelChunk = (file: Buffer) => file.indexOf("IDAT", 0, "latin1") - 4;

const riff = (file: Buffer, size: number) => {
  const copy = Buffer.from(file);
  copy.writeUInt32LE(size, 4);
  return copy;
};

/** A little-endian TIFF file whose tags of resolution say that they lie beyond its end. */
function nowhere(file: Buffer): Buffer {
  const copy = Buffer.from(file);
  const directory = copy.readUInt32LE(4);
  for (let place = directory + 2; place < directory + 2 + 12 * copy.readUInt16LE(directory); place += 12) {
    if ([282, 283].includes(copy.readUInt16LE(place))) copy.writeUInt32LE(0x7fffffff, place + 8);
  }
  return copy;
}

/** Each takes a file and gives the same picture with something odd beside its pixels. */
const oddities: readonly (readonly [string, () => Promise<Buffer>, (file: Buffer) => Buffer])[] = [
  ["a scan's header of Samsung's, Se = 0", sequential, (file) => changed(file, selection(file), 0, 0, 0)],
  ["a scan's header that approximates", sequential, (file) => changed(file, selection(file), 0, 63, 0x11)],
  ...[0xdb, 0xc0, 0xc4, 0xda].map(
    (second) =>
      [
        `stray bytes before marker ${second.toString(16)}`,
        sequential,
        (file: Buffer) => insert(file, marker(file, second), 0x00, 0x17),
      ] as const,
  ),
  ["stray bytes, progressive", progressive, (file) => insert(file, marker(file, 0xc2), 1, 2, 3)],
  [
    "zeros between two scans",
    progressive,
    (file) => insert(file, file.indexOf(Buffer.of(0xff, 0xc4), marker(file, 0xda)), 0, 0),
  ],
  [
    "JFIF 2.01",
    sequential,
    (file) => insert(file, 2, 0xff, 0xe0, 0, 16, ...Buffer.from("JFIF"), 0, 2, 1, 0, 0, 1, 0, 1, 0, 0),
  ],
  [
    "Adobe's mark of an unknown transform",
    sequential,
    (file) => insert(file, 2, 0xff, 0xee, 0, 14, ...Buffer.from("Adobe"), 0, 100, 0, 0, 0, 0, 7),
  ],
  ["bytes behind the end", sequential, (file) => Buffer.concat([file, Buffer.from("garbage")])],
  ["bytes before the end", sequential, (file) => insert(file, file.length - 2, 0x12, 0x34)],
  ["no end of the image", sequential, (file) => file.subarray(0, -2)],
  ["half an end of the image", sequential, (file) => file.subarray(0, -1)],
  ["no end of the image, progressive", progressive, (file) => file.subarray(0, -2)],
  [
    "restart markers that count wrongly",
    async () => restarting(),
    (file) => restarts(file).reduce((copy, at) => changed(copy, at + 1, 0xd0), file),
  ],
  [
    "a comment's checksum",
    () => gradient(90, 60).png().toBuffer(),
    (file) => Buffer.concat([file.subarray(0, 33), chunk("tEXt", Buffer.from("a\0b"), 1), file.subarray(33)]),
  ],
  [
    "a profile of nonsense",
    () => gradient(90, 60).png().toBuffer(),
    (file) => Buffer.concat([file.subarray(0, 33), chunk("iCCP", Buffer.from("a\0\0b")), file.subarray(33)]),
  ],
  [
    "the pixels' checksum",
    () => gradient(90, 60).png().toBuffer(),
    (file) => changed(file, pixelChunk(file) + 8 + file.readUInt32BE(pixelChunk(file)), 1, 2, 3, 4),
  ],
  ["no end of a PNG", () => gradient(90, 60).png().toBuffer(), (file) => file.subarray(0, -12)],
  [
    "zeros before a GIF's end",
    () => gradient(90, 60).gif().toBuffer(),
    (file) => insert(file, file.length - 1, 0, 0, 0),
  ],
  ["no end of a GIF", () => gradient(90, 60).gif().toBuffer(), (file) => file.subarray(0, -1)],
  [
    "a TIFF directory out of order",
    async () =>
      tiff(
        Uint8Array.from({ length: 12 }, (_, place) => 20 * place),
        { width: 4, height: 3 },
      ),
    (file) =>
      Buffer.concat([file.subarray(0, 10), file.subarray(22, 34), file.subarray(10, 22), file.subarray(34)]),
  ],
  [
    "a TIFF tag that points nowhere",
    async () => gradient(90, 60).withMetadata({ density: 90 }).tiff({ compression: "lzw" }).toBuffer(),
    nowhere,
  ],
  [
    "a WebP container that promises more",
    () => gradient(90, 60).webp().toBuffer(),
    (file) => riff(file, file.length + 32),
  ],
  [
    "a WebP container that promises less",
    () => gradient(90, 60).webp({ lossless: true }).toBuffer(),
    (file) => riff(file, file.length - 12),
  ],
  [
    "WebP metadata cut off",
    () => gradient(90, 60).webp().toBuffer(),
    (file) => riff(Buffer.concat([file, Buffer.from("EXIF\x40\0\0\0Exif", "latin1")]), file.length + 64),
  ],
];

/**
 * Twelve gray blocks, one below another and each of another gray, with a restart marker behind each: every interval is
 * two bytes.
 */
function restarting(): Buffer {
  const values = Array.from({ length: 12 }, (_, block) => 130 + 10 * block);
  const table = (kind: number, counts: number[], symbols: number[]) => [
    ...[0xff, 0xc4, 0, 19 + symbols.length, kind],
    ...Array.from({ length: 16 }, (_, length) => counts[length] ?? 0),
    ...symbols,
  ];
  const intervals = values.flatMap((value, block) => [
    ...(block === 0 ? [] : [0xff, 0xd0 + ((block - 1) % 8)]),
    0x80 | (value >> 2), // code 10: a difference of eight bits
    ((value & 3) << 6) | 0x1f, // code 0: the end of the block, then ones
  ]);
  return Buffer.of(
    ...[0xff, 0xd8, 0xff, 0xdb, 0, 67, 0, ...Array<number>(64).fill(4)],
    ...[0xff, 0xc0, 0, 11, 8, 0, 8 * values.length, 0, 8, 1, 1, 0x11, 0],
    ...table(0x00, [1, 1], [0, 8]),
    ...table(0x10, [1], [0]),
    ...[0xff, 0xdd, 0, 4, 0, 1, 0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0],
    ...intervals,
    ...[0xff, 0xd9],
  );
}

const data = (picture: { data: Uint8Array }) => Buffer.from(picture.data);

describe("what is wrong beside the pixels", () => {
  test.each(oddities)("%s", async (_, make, change) => {
    const file = await make();
    const expected = await decodePicture(file);
    const odd = change(file);
    expect(odd.equals(file)).toBe(false);
    const path = write(join(root, "odd"), odd);
    for (const source of [odd, path]) {
      expect(data(await decodePicture(source)).equals(data(expected))).toBe(true);
      const [height, width] = expected.shape;
      expect(await readPictureSize(source)).toEqual({ height, width });
    }
  });

  test("the blocks between restart markers are as they were made", async () => {
    const { data: pixels, shape } = await decodePicture(restarting(), { channels: 1 });
    expect(shape).toEqual([96, 8, 1]);
    expect([...pixels].filter((_, place) => place % 64 === 0)).toEqual(
      Array.from({ length: 12 }, (_, block) => 128 + (130 + 10 * block) / 2),
    );
  });

  test("a restart marker too few or too many is damage", async () => {
    const file = restarting();
    const [, second, third] = restarts(file) as [number, number, number];
    const lost = Buffer.concat([file.subarray(0, second), file.subarray(third)]);
    const twice = Buffer.concat([file.subarray(0, third), file.subarray(second)]);
    for (const broken of [lost, twice]) {
      await expect(decodePicture(broken)).rejects.toThrow("damaged: the JPEG data cannot be decoded");
    }
  });
});

/** Whether it is an error, or the picture that the whole file holds: never another one. */
async function isErrorOrEqual(bytes: Buffer, expected: Buffer): Promise<boolean> {
  const found = await decodePicture(bytes).catch((error: unknown) => error);
  return found instanceof PictureError || data(found as { data: Uint8Array }).equals(expected);
}

describe("what is missing or damaged is not made up", () => {
  const kinds: readonly (readonly [string, () => Promise<Buffer>])[] = [
    ["sequential JPEG", () => gradient(24, 16).jpeg().toBuffer()],
    ["progressive JPEG", () => gradient(24, 16).jpeg({ progressive: true }).toBuffer()],
    ["JPEG with restarts", async () => restarting()],
    ["PNG", () => gradient(24, 16).png().toBuffer()],
    ["GIF", () => gradient(24, 16).gif().toBuffer()],
    ["lossy WebP", () => gradient(24, 16).webp().toBuffer()],
    ["lossless WebP", () => gradient(24, 16).webp({ lossless: true }).toBuffer()],
  ];

  test.each(kinds)("%s cut off anywhere", async (_, make) => {
    const file = await make();
    const expected = data(await decodePicture(file));
    for (let length = 1; length < file.length; length++) {
      expect([length, await isErrorOrEqual(file.subarray(0, length), expected)]).toEqual([length, true]);
    }
  });

  test("failOn chooses what of it is an error", async () => {
    const file = await sequential();
    const cut = file.subarray(0, marker(file, 0xda) + 40);
    const spoiled = Buffer.from(file).fill(0x55, file.length / 2, file.length / 2 + 30);
    const isRead = async (bytes: Buffer, failOn: FailOn) =>
      (await decodePicture(bytes, { failOn }).catch(() => null)) !== null;
    for (const failOn of ["truncated", "error", "warning"] as const) {
      expect([failOn, await isRead(cut, failOn)]).toEqual([failOn, false]);
      expect([failOn, await isRead(file.subarray(0, -2), failOn)]).toEqual([failOn, true]);
      expect([failOn, await isRead(spoiled, failOn)]).toEqual([failOn, failOn !== "warning"]);
    }
    expect(await isRead(cut, "none")).toBe(true);
  });

  test("scans of a progressive JPEG that are left out, with the end in its place", async () => {
    const file = await progressive();
    const scans = [...file.keys()].filter((at) => file[at] === 0xff && file[at + 1] === 0xda);
    expect(scans.length).toBeGreaterThan(3);
    for (const at of scans.slice(1)) {
      // The marker of a scan is gone, so that all of it is stray bytes.
      await expect(decodePicture(changed(file, at, 0x7f))).rejects.toThrow(PictureError);
      await expect(decodePicture(file.subarray(0, at))).rejects.toThrow("truncated: the JPEG data ends");
    }
  });

  test("pixels of a PNG that are not what was written, under any checksum", async () => {
    const file = await gradient(24, 16).png().toBuffer();
    const start = pixelChunk(file);
    const length = file.readUInt32BE(start);
    for (let at = start + 8; at < start + 8 + length; at += 7) {
      const spoiled = changed(file, at, file[at]! ^ 4);
      await expect(decodePicture(spoiled)).rejects.toThrow("damaged: the PNG data cannot be decoded");
    }
  });
});
