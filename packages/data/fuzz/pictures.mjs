import zlib from "node:zlib";
import { decodePicture, readPictureSize, readStoredValues } from "@splitmask/data";
import sharp from "sharp";

const width = 40;
const height = 30;

/** Slopes with some texture. */
function pixels(channels) {
  const bytes = new Uint8Array(width * height * channels);
  for (let place = 0; place < bytes.length; place++) bytes[place] = (place * 7 + (place >> 5) * 13) % 256;
  return sharp(bytes, { raw: { width, height, channels } });
}

const colour = () => pixels(3);
const frames = async () =>
  sharp([await colour().png().toBuffer(), await colour().negate().png().toBuffer()], {
    join: { animated: true },
  });
const all = (...pipelines) => Promise.all(pipelines.map((pipeline) => pipeline.toBuffer()));

/** A little-endian TIFF file of 32-bit floats in one strip. */
function floatTiff(values) {
  const tags = [
    ...[
      [256, width],
      [257, height],
      [258, 32],
      [259, 1],
      [262, 1],
      [273, 0],
      [277, 1],
      [278, height],
    ],
    ...[
      [279, values.byteLength],
      [339, 3],
    ],
  ];
  const head = Buffer.alloc(8 + 2 + 12 * tags.length + 4);
  head.write("II*\0", "latin1");
  head.writeUInt32LE(8, 4);
  head.writeUInt16LE(tags.length, 8);
  for (const [index, [tag, value]] of tags.entries()) {
    const at = 10 + 12 * index;
    head.writeUInt16LE(tag, at);
    head.writeUInt16LE(4, at + 2);
    head.writeUInt32LE(1, at + 4);
    head.writeUInt32LE(tag === 273 ? head.length : value, at + 8);
  }
  return Buffer.concat([head, Buffer.from(values.buffer)]);
}

/** A BMP file of 40 × 30 pixels; what lies between its header and its pixels is the palette or the masks. */
function bmp(bits, compression, rows, between = Buffer.alloc(0)) {
  const head = Buffer.alloc(54);
  head.write("BM");
  head.writeUInt32LE(head.length + between.length, 10);
  head.writeUInt32LE(40, 14);
  head.writeInt32LE(width, 18);
  head.writeInt32LE(height, 22);
  head.writeUInt16LE(1, 26);
  head.writeUInt16LE(bits, 28);
  head.writeUInt32LE(compression, 30);
  return Buffer.concat([head, between, rows]);
}

/** The valid files of each format: its flavours, small. */
const makers = {
  jpeg: () =>
    all(
      colour().jpeg(),
      colour().jpeg({ progressive: true, quality: 50 }),
      colour().jpeg({ chromaSubsampling: "4:4:4", restartInterval: 1 }),
      colour().greyscale().jpeg(),
      colour().toColourspace("cmyk").jpeg(),
      colour()
        .withMetadata({ orientation: 6, exif: { IFD0: { Copyright: "nobody" } } })
        .jpeg(),
    ),
  png: () =>
    all(
      colour().png(),
      pixels(4).png({ progressive: true }),
      colour().png({ palette: true }),
      colour().greyscale().png(),
      colour().toColourspace("rgb16").png(),
      colour().withMetadata({ orientation: 3 }).png(),
    ),
  webp: async () =>
    all(
      colour().webp(),
      colour().webp({ lossless: true }),
      pixels(4).webp(),
      (await frames()).webp(),
      colour().withMetadata().webp(),
    ),
  avif: () =>
    all(
      colour().avif({ effort: 0 }),
      pixels(4).avif({ effort: 0 }),
      colour().avif({ lossless: true, effort: 0 }),
    ),
  gif: async () => all(colour().gif(), pixels(4).gif(), (await frames()).gif({ progressive: true })),
  tiff: async () =>
    all(
      ...["none", "jpeg", "deflate", "packbits", "lzw", "ccittfax4"].map((compression) =>
        compression === "ccittfax4"
          ? colour().threshold().toColourspace("b-w").tiff({ compression, bitdepth: 1 })
          : colour().tiff({ compression }),
      ),
      colour().tiff({ tile: true, tileWidth: 16, tileHeight: 16, pyramid: true, compression: "lzw" }),
      colour().toColourspace("rgb16").tiff({ compression: "deflate", predictor: "horizontal" }),
      colour().toColourspace("cmyk").tiff({ compression: "none" }),
      (await frames()).tiff({ compression: "lzw" }),
    ),
  "tiff-deep": async () => [
    floatTiff(Float32Array.from({ length: width * height }, (_, place) => (place % 97) / 97)),
    floatTiff(
      Float32Array.from({ length: width * height }, (_, place) => (place % 5 === 0 ? Number.NaN : place)),
    ),
    ...(await all(
      colour().toColourspace("rgb16").linear(0.05).tiff({ compression: "lzw", predictor: "horizontal" }),
      colour().greyscale().toColourspace("grey16").tiff({ compression: "none" }),
    )),
  ],
  bmp: async () => {
    const rows = await colour().raw().toBuffer();
    const palette = Buffer.from(Array.from({ length: 1024 }, (_, place) => (place * 5) % 256));
    const runs = Buffer.concat([
      ...Array.from({ length: height }, (_, row) => Buffer.of(20, row, 0, 5, 1, 2, 3, 4, 5, 0, 15, 7, 0, 0)),
      Buffer.of(0, 1),
    ]);
    const narrow = Buffer.concat([
      ...Array.from({ length: height }, (_, row) => Buffer.of(36, row, 0, 4, 0x12, 0x34, 0, 0)),
      Buffer.of(0, 1),
    ]);
    return [
      bmp(24, 0, rows),
      bmp(16, 3, rows, Buffer.from(Uint32Array.of(0xf800, 0x7e0, 0x1f).buffer)),
      bmp(32, 0, Buffer.concat([rows, rows])),
      bmp(8, 0, rows, palette),
      bmp(8, 1, runs, palette),
      bmp(4, 2, narrow, palette.subarray(0, 64)),
    ];
  },
  ppm: async () => {
    const [three, one] = [
      await colour().raw().toBuffer(),
      await pixels(1).toColourspace("b-w").raw().toBuffer(),
    ];
    const netpbm = (head, content) => Buffer.concat([Buffer.from(`${head}\n`), Buffer.from(content)]);
    return [
      netpbm("P6 40 30 255", three),
      netpbm("P5\n# grey\n40 30\n255", one),
      netpbm(
        "P5 40 30 4095",
        Buffer.concat([one, one]).map((value, place) => (place % 2 === 0 ? value & 15 : value)),
      ),
      netpbm("P4 40 30", one.subarray(0, 150)),
      netpbm("P3 40 30 255", [...three].join(" ")),
      netpbm("P2 40 30 255", [...one].join("\n")),
      netpbm("P1 40 30", [...one].map((value) => value % 2).join("")),
    ];
  },
  svg: async () =>
    [
      '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 30"><defs>' +
        '<linearGradient id="g"><stop offset="0" stop-color="red"/><stop offset="1" stop-color="#00f"/>' +
        '</linearGradient><filter id="f"><feGaussianBlur stdDeviation="2"/></filter>' +
        '<clipPath id="c"><circle cx="9" cy="9" r="7"/></clipPath></defs>' +
        '<rect width="40" height="30" fill="url(#g)" filter="url(#f)"/>' +
        '<path d="M1 2L30 4Q5 6 7 8zC1 2 3 4 5 6A5 5 0 1 0 9 9" stroke="black" stroke-dasharray="1 2" ' +
        'clip-path="url(#c)"/></svg>',
      '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY e ' +
        `"<g transform='rotate(10)'><rect width='5' height='5'/></g>">]>` +
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ' +
        'width="40px" height="30mm"><style>.a { fill: rgb(1, 2, 3); opacity: 0.5 }</style>' +
        '<symbol id="s" viewBox="0 0 9 9"><ellipse rx="4" ry="3" class="a"/></symbol>' +
        '<use xlink:href="#s" width="9" height="9"/>' +
        '<pattern id="p" width="4" height="4" patternUnits="userSpaceOnUse">' +
        '<line x2="4" y2="4" stroke="red"/></pattern>' +
        '<polygon points="1,2 30,4 5,20" fill="url(#p)" mask="url(#m)"/>' +
        '<mask id="m"><text x="2" y="9">text</text></mask>&e;</svg>',
    ].map((text) => Buffer.from(text)),
};

/**
 * Writes the right checksums into a PNG as far as its chunks can be followed, so that what is behind them is reached.
 */
function withChecksums(bytes) {
  const copy = Buffer.from(bytes);
  for (let place = 8; place + 12 <= copy.length; ) {
    const end = place + 8 + copy.readUInt32BE(place);
    if (end + 4 > copy.length) break;
    copy.writeUInt32BE(zlib.crc32(copy.subarray(place + 4, end)), end);
    place = end + 4;
  }
  return copy;
}

/** Ways in which pictures are asked for, by turns. The last is what a user gets who says nothing. */
const requests = [
  { maximumPixels: 1e6, shortSide: 16 },
  { maximumPixels: 1e6, failOn: "truncated" },
  { maximumPixels: 1e6, channels: 1, valueRange: "percentiles" },
  { maximumPixels: 1e6, channels: 4, shortSide: 8, valueRange: [0, 1000] },
  { shortSide: 16 },
];

/** One way of reading by format: `files()` gives valid files, `read` reads a broken one. */
export const pictureFormats = Object.fromEntries(
  Object.entries(makers).map(([format, files]) => [
    format,
    {
      files,
      extension: format,
      mend: (bytes, index) => (format === "png" && index % 2 === 0 ? withChecksums(bytes) : bytes),
      async read(path, bytes, index) {
        const request = requests[index % requests.length];
        // Every fourth through the file system, as folders are read; the others from memory, as shards are.
        const source = index % 4 === 0 ? path() : bytes;
        const name = index % 4 === 0 ? {} : { name: path.name };
        if (index % 16 === 1) await readPictureSize(bytes, path.name);
        if (index % 16 === 2) await readStoredValues(bytes, { ...request, name: path.name });
        const picture = await decodePicture(source, { ...request, ...name });
        const [rows, columns, channels] = picture.shape;
        if (channels !== (request.channels ?? 3) || picture.data.length !== rows * columns * channels) {
          throw new Error(`decodePicture: ${picture.data.length} bytes for ${picture.shape.join("×")}`);
        }
      },
    },
  ]),
);
