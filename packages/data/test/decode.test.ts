import { join } from "node:path";
import { decodePicture, PictureError, readPictureSize } from "@splitmask/data";
import sharp, { type Sharp } from "sharp";
import { gradient, plain, scratchFolder, write } from "./pictures.js";

const root = scratchFolder();

const pixel = (picture: { get(...place: number[]): number }, y: number, x: number) =>
  [0, 1, 2].map((channel) => picture.get(y, x, channel));

describe("decodePicture", () => {
  test.each(["jpeg", "png", "webp", "avif", "gif", "tiff"] as const)("%s", async (format) => {
    const bytes = await plain(20, 12, { r: 200, g: 100, b: 50 })
      .toFormat(format, format === "gif" || format === "png" ? {} : { quality: 100 })
      .toBuffer();
    const picture = await decodePicture(write(join(root, `picture.${format}`), bytes));
    expect(picture.shape).toEqual([12, 20, 3]);
    expect(picture.data).toHaveLength(12 * 20 * 3);
    pixel(picture, 5, 7).forEach((value, channel) => {
      expect(Math.abs(value - [200, 100, 50][channel]!)).toBeLessThanOrEqual(4);
    });
  });

  test("greyscale, 16 bits, palette, CMYK", async () => {
    const grey = await plain(4, 3, "#808080").greyscale().png().toBuffer();
    expect(pixel(await decodePicture(grey), 1, 1)).toEqual([128, 128, 128]);
    const deep = await plain(4, 3, "#8040c0").toColourspace("rgb16").png().toBuffer();
    expect((await sharp(deep).metadata()).depth).toBe("ushort");
    expect(pixel(await decodePicture(deep), 1, 1)).toEqual([128, 64, 192]);
    const deepGrey = await plain(4, 3, "#404040").toColourspace("grey16").png().toBuffer();
    expect(pixel(await decodePicture(deepGrey), 1, 1)).toEqual([64, 64, 64]);
    const palette = await plain(4, 3, "#8040c0").png({ palette: true }).toBuffer();
    expect(pixel(await decodePicture(palette), 1, 1)).toEqual([128, 64, 192]);
    const cmyk = await plain(4, 3, "#ffffff").toColourspace("cmyk").jpeg().toBuffer();
    expect((await sharp(cmyk).metadata()).space).toBe("cmyk");
    const white = await decodePicture(cmyk);
    expect(white.shape).toEqual([3, 4, 3]);
    for (const value of pixel(white, 1, 1)) expect(value).toBeGreaterThan(250);
  });

  test("transparent places show the background", async () => {
    const half = { r: 255, g: 0, b: 0, alpha: 0 };
    const clear = await sharp({ create: { width: 4, height: 3, channels: 4, background: half } })
      .png()
      .toBuffer();
    expect(pixel(await decodePicture(clear), 0, 0)).toEqual([255, 255, 255]);
    expect(pixel(await decodePicture(clear, { background: "#102030" }), 0, 0)).toEqual([16, 32, 48]);
    const greyAlpha = await sharp(clear).toColourspace("b-w").png().toBuffer();
    expect((await sharp(greyAlpha).metadata()).channels).toBe(2);
    expect(pixel(await decodePicture(greyAlpha), 0, 0)).toEqual([255, 255, 255]);
  });

  test("all eight EXIF orientations come out upright", async () => {
    const upright = await gradient(24, 16).raw().toBuffer();
    const source = () => sharp(upright, { raw: { width: 24, height: 16, channels: 3 } });
    // How a camera that notes the orientation has stored the picture: the inverse of what the viewer does. (sharp mirrors before it rotates.)
    const stored: Record<number, (picture: Sharp) => Sharp> = {
      1: (p) => p,
      2: (p) => p.flop(),
      3: (p) => p.rotate(180),
      4: (p) => p.flip(),
      5: (p) => p.flop().rotate(270),
      6: (p) => p.rotate(270),
      7: (p) => p.flop().rotate(90),
      8: (p) => p.rotate(90),
    };
    for (const [orientation, turn] of Object.entries(stored)) {
      const turned = await turn(source()).png().toBuffer();
      const bytes = await sharp(turned)
        .withMetadata({ orientation: Number(orientation) })
        .tiff({ compression: "none" })
        .toBuffer();
      expect((await sharp(bytes).metadata()).orientation).toBe(Number(orientation));
      const picture = await decodePicture(bytes);
      expect(picture.shape).toEqual([16, 24, 3]);
      expect(await readPictureSize(bytes)).toEqual({ height: 16, width: 24 });
      expect(Buffer.compare(picture.data, upright)).toBe(0);
    }
  });

  test("reduces the short side where it pays, never enlarges", async () => {
    const bytes = await gradient(300, 200).jpeg().toBuffer();
    expect((await decodePicture(bytes, { shortSide: 50 })).shape).toEqual([50, 75, 3]);
    expect((await decodePicture(bytes, { shortSide: 133 })).shape).toEqual([133, 200, 3]);
    expect((await decodePicture(bytes, { shortSide: 134 })).shape).toEqual([200, 300, 3]);
    expect((await decodePicture(bytes, { shortSide: 1000 })).shape).toEqual([200, 300, 3]);
    const turned = await gradient(300, 200).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    expect((await decodePicture(turned, { shortSide: 50 })).shape).toEqual([75, 50, 3]);
  });

  test("drawings are drawn at the size that is wanted", async () => {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 20"><rect width="5" height="20" fill="blue"/></svg>`;
    const path = write(join(root, "drawing.svg"), svg);
    const picture = await decodePicture(path, { shortSide: 64 });
    expect(picture.shape).toEqual([128, 64, 3]);
    expect(pixel(picture, 60, 30)).toEqual([0, 0, 255]); // a sharp edge, not an enlarged one
    expect(pixel(picture, 60, 33)).toEqual([255, 255, 255]);
  });

  test("one pixel", async () => {
    const picture = await decodePicture(await plain(1, 1, "#010203").png().toBuffer(), { shortSide: 64 });
    expect(picture.shape).toEqual([1, 1, 3]);
    expect([...picture.data]).toEqual([1, 2, 3]);
  });

  test("bad files are PictureErrors with path and reason", async () => {
    const good = await gradient(200, 150).jpeg().toBuffer();
    const reasonOf = async (path: string, options = {}) => {
      const error = await decodePicture(path, options).then(
        () => null,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(PictureError);
      expect((error as PictureError).path).toBe(path);
      expect((error as PictureError).message).toBe(`${path}: ${(error as PictureError).reason}`);
      return (error as PictureError).reason;
    };
    const unknown = "not a picture, or a damaged one (its first bytes are of no known format)";
    const file = (name: string, bytes: Uint8Array | string) => write(join(root, name), bytes);
    expect(await reasonOf(file("text.jpg", "hello"))).toBe(unknown);
    expect(await reasonOf(file("empty.jpg", ""))).toBe(unknown);
    expect(await reasonOf(join(root, "missing.jpg"))).toBe("the file is missing or not readable");
    expect(await reasonOf(file("truncated.jpg", good.subarray(0, good.length / 2)))).toBe(
      "the file is truncated or damaged",
    );
    expect(await reasonOf(file("head.jpg", good.subarray(0, 100)))).toBe("the file is truncated or damaged");
    const corrupt = Buffer.from(good).fill(0x55, good.length / 2, good.length / 2 + 200);
    expect(await reasonOf(file("corrupt.jpg", corrupt))).toBe("the file is truncated or damaged");
    expect((await decodePicture(join(root, "corrupt.jpg"), { failOn: "truncated" })).shape).toEqual([
      150, 200, 3,
    ]);
    const png = await gradient(200, 150).png().toBuffer();
    expect(await reasonOf(file("truncated.png", png.subarray(0, png.length / 2)))).toBe(
      "the file is truncated or damaged",
    );
    expect(await reasonOf(file("large.jpg", good), { maximumPixels: 1000 })).toBe(
      "it has more pixels than maximumPixels allows",
    );
    await expect(readPictureSize(join(root, "text.jpg"))).rejects.toThrow(`text.jpg: ${unknown}`);
  });
});
