import zlib from "node:zlib";
import { decodePicture, readPictureSize } from "@splitmask/data";
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
  svg: async () =>
    [
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 30"><defs><linearGradient id="g"><stop offset="0" stop-color="red"/><stop offset="1" stop-color="#00f"/></linearGradient><filter id="f"><feGaussianBlur stdDeviation="2"/></filter><clipPath id="c"><circle cx="9" cy="9" r="7"/></clipPath></defs><rect width="40" height="30" fill="url(#g)" filter="url(#f)"/><path d="M1 2L30 4Q5 6 7 8zC1 2 3 4 5 6A5 5 0 1 0 9 9" stroke="black" stroke-dasharray="1 2" clip-path="url(#c)"/></svg>`,
      `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY e "<g transform='rotate(10)'><rect width='5' height='5'/></g>">]><svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="40px" height="30mm"><style>.a { fill: rgb(1, 2, 3); opacity: 0.5 }</style><symbol id="s" viewBox="0 0 9 9"><ellipse rx="4" ry="3" class="a"/></symbol><use xlink:href="#s" width="9" height="9"/><pattern id="p" width="4" height="4" patternUnits="userSpaceOnUse"><line x2="4" y2="4" stroke="red"/></pattern><polygon points="1,2 30,4 5,20" fill="url(#p)" mask="url(#m)"/><mask id="m"><text x="2" y="9">text</text></mask>&e;</svg>`,
    ].map((text) => Buffer.from(text)),
};

/** Writes the right checksums into a PNG as far as its chunks can be followed, so that what is behind them is reached. */
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
  { maximumPixels: 1e6, channels: 1 },
  { maximumPixels: 1e6, channels: 4, shortSide: 8 },
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
        const picture = await decodePicture(source, { ...request, ...name });
        const [rows, columns, channels] = picture.shape;
        if (channels !== (request.channels ?? 3) || picture.data.length !== rows * columns * channels) {
          throw new Error(`decodePicture: ${picture.data.length} bytes for ${picture.shape.join("×")}`);
        }
      },
    },
  ]),
);
