import sharp from "sharp";

function bytesOf(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

/** H×W gray pixels as H×W×3 of sRGB. */
export async function spreadGreyscale(
  pixels: Uint8Array,
  height: number,
  width: number,
): Promise<Uint8Array> {
  const grey = sharp(pixels, { raw: { height, width, channels: 1 }, limitInputPixels: false });
  return bytesOf(await grey.toColourspace("srgb").raw().toBuffer());
}

/** C×H×W pixels as H×W×C: the transpose of a C×(H·W) picture of one channel. */
export async function interleaveChannels(pixels: Uint8Array, channels: number): Promise<Uint8Array> {
  const raw = { height: channels, width: pixels.length / channels, channels: 1 } as const;
  const planes = sharp(pixels, { raw, limitInputPixels: false });
  return bytesOf(await planes.flip().rotate(90).toColourspace("b-w").raw().toBuffer());
}
