import { join } from "node:path";
import { decodePicture, readPictureSize } from "@splitmask/data";
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

  test("grayscale, 16 bits, palette, CMYK", async () => {
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

  test("a JPEG file's size is found behind thumbnails, fill bytes and in progressive frames", async () => {
    const thumbnail = await plain(300, 300, "red").jpeg().toBuffer();
    const segment = (marker: number, content: Uint8Array) =>
      Buffer.concat([
        Buffer.of(0xff, marker, (content.length + 2) >> 8, (content.length + 2) & 255),
        content,
      ]);
    for (const progressive of [false, true]) {
      const plainFile = await gradient(90, 60).jpeg({ progressive }).toBuffer();
      const file = Buffer.concat([
        plainFile.subarray(0, 2),
        segment(0xe5, thumbnail),
        Buffer.of(0xff, 0xff),
        plainFile.subarray(2),
      ]);
      const expected = await decodePicture(plainFile);
      // 60 is 1.5 times 40, and not more.
      const whole = await decodePicture(write(join(root, "size.jpg"), file), { shortSide: 40 });
      expect(whole.shape).toEqual([60, 90, 3]);
      expect(Buffer.from(whole.data).equals(Buffer.from(expected.data))).toBe(true);
      expect((await decodePicture(file, { shortSide: 39 })).shape).toEqual([39, 58, 3]);
    }
  });

  test("all eight EXIF orientations come out upright", async () => {
    const upright = await gradient(24, 16).raw().toBuffer();
    const source = () => sharp(upright, { raw: { width: 24, height: 16, channels: 3 } });
    // How a camera that notes the orientation has stored the picture: the inverse of what the viewer does. (sharp
    // mirrors before it rotates.)
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
    const svg =
      '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 20">' +
      '<rect width="5" height="20" fill="blue"/></svg>';
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

  test("grayscale and transparency where they are asked for", async () => {
    const colour = await plain(4, 3, { r: 200, g: 100, b: 50 }).png().toBuffer();
    const grey = await decodePicture(colour, { channels: 1 });
    expect(grey.shape).toEqual([3, 4, 1]);
    expect(grey.get(1, 1, 0)).toBe(124); // 0.299 · 200 + 0.587 · 100 + 0.114 · 50 = 124.2
    const every = Uint8Array.from({ length: 256 }, (_, value) => value);
    const ramp = sharp(every, { raw: { width: 16, height: 16, channels: 1 } });
    const greys = await decodePicture(await ramp.toColourspace("b-w").png().toBuffer(), { channels: 1 });
    expect(greys.data).toEqual(every); // as they were
    const half = { r: 255, g: 0, b: 0, alpha: 0.5 };
    const clear = await sharp({ create: { width: 4, height: 3, channels: 4, background: half } })
      .png()
      .toBuffer();
    const quadruple = (picture: { get(...place: number[]): number }) =>
      [0, 1, 2, 3].map((channel) => picture.get(1, 1, channel));
    expect(quadruple(await decodePicture(clear, { channels: 4 }))).toEqual([255, 0, 0, 128]);
    expect(quadruple(await decodePicture(colour, { channels: 4 }))).toEqual([200, 100, 50, 255]);
    const greyAlpha = await sharp(clear).toColourspace("b-w").png().toBuffer();
    const [r, g, b, alpha] = quadruple(await decodePicture(greyAlpha, { channels: 4 }));
    expect([g, b, alpha]).toEqual([r, r, 128]);
  });

  test("CMYK with and without Adobe's mark, and with a profile", async () => {
    const cmyk = await plain(16, 16, "#c86432").toColourspace("cmyk").jpeg({ quality: 100 }).toBuffer();
    const near = (picture: { get(...place: number[]): number }, expected: number[], tolerance: number) =>
      pixel(picture, 8, 8).forEach((value, channel) => {
        expect(Math.abs(value - expected[channel]!)).toBeLessThanOrEqual(tolerance);
      });
    near(await decodePicture(cmyk), [200, 100, 50], 40);
    // Ink is stored upside down in practice, whether an APP14 segment says so or not: libjpeg's users agree, Pillow
    // too.
    const mark = cmyk.indexOf(Buffer.of(0xff, 0xee));
    const without = Buffer.concat([
      cmyk.subarray(0, mark),
      cmyk.subarray(mark + 2 + cmyk.readUInt16BE(mark + 2)),
    ]);
    expect(without.includes("Adobe")).toBe(false);
    expect((await decodePicture(without)).data).toEqual((await decodePicture(cmyk)).data);
    const profiled = await plain(16, 16, "#c86432").withIccProfile("cmyk").jpeg({ quality: 100 }).toBuffer();
    expect((await sharp(profiled).metadata()).hasProfile).toBe(true);
    near(await decodePicture(profiled), [200, 100, 50], 40);
  });

  test("profiles: of another color space, of nonsense, cut off", async () => {
    const p3 = await plain(8, 8, "#c86432").withIccProfile("p3").png().toBuffer();
    pixel(await decodePicture(p3), 4, 4).forEach((value, channel) => {
      expect(Math.abs(value - [200, 100, 50][channel]!)).toBeLessThanOrEqual(3);
    });
    const jpeg = await plain(8, 8, "#c86432").withIccProfile("p3").jpeg({ quality: 100 }).toBuffer();
    const profile = jpeg.indexOf("ICC_PROFILE") + 14;
    const nonsense = Buffer.from(jpeg).fill(0x7a, profile, profile + 100);
    pixel(await decodePicture(nonsense), 4, 4).forEach((value, channel) => {
      expect(Math.abs(value - [200, 100, 50][channel]!)).toBeLessThanOrEqual(30);
    });
  });

  test("of an animation the first frame, of several pages the first", async () => {
    const frames = await Promise.all(
      ["red", "lime", "blue"].map((name) => plain(6, 4, name).png().toBuffer()),
    );
    const joined = () => sharp(frames, { join: { animated: true } });
    for (const bytes of [
      await joined().gif().toBuffer(),
      await joined().webp({ lossless: true }).toBuffer(),
      await joined().tiff({ compression: "lzw" }).toBuffer(),
    ]) {
      expect((await sharp(bytes).metadata()).pages).toBe(3);
      const picture = await decodePicture(bytes);
      expect(picture.shape).toEqual([4, 6, 3]);
      expect(pixel(picture, 2, 2)).toEqual([255, 0, 0]);
    }
  });
});
