import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, symlinkSync, truncateSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { decodePicture, PictureError, readPictureSize } from "@splitmask/data";
import sharp from "sharp";
import { gradient, plain, scratchFolder, write } from "./pictures.js";

const root = scratchFolder();
const file = (name: string, bytes: Uint8Array | string) => write(join(root, name), bytes);

async function reasonOf(source: string | Uint8Array, options = {}): Promise<string> {
  const error = await decodePicture(source, options).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PictureError);
  const { path, reason, message } = error as PictureError;
  expect(message).toBe(`${path}: ${reason}`);
  if (typeof source === "string") expect(path).toBe(source);
  return reason;
}

/** Three colors in stripes, so that no encoder makes the file tiny. */
const encoded = async (format: "jpeg" | "png" | "webp" | "avif" | "gif" | "tiff") =>
  gradient(200, 150)
    .toFormat(format, format === "tiff" ? { compression: "lzw" } : {})
    .toBuffer();

const names = { jpeg: "JPEG", png: "PNG", webp: "WebP", avif: "AVIF", gif: "GIF", tiff: "TIFF" } as const;

describe("the reason says what is wrong with a file", () => {
  test.each(["jpeg", "png", "webp", "avif", "gif", "tiff"] as const)(
    "a truncated or damaged %s",
    async (format) => {
      const good = await encoded(format);
      for (const share of [0.5, 0.9]) {
        const cut = good.subarray(0, Math.floor(good.length * share));
        expect(await reasonOf(file(`cut.${format}`, cut))).toBe(
          `truncated: the ${names[format]} data ends too early`,
        );
        expect(await reasonOf(cut)).toBe(`truncated: the ${names[format]} data ends too early`);
      }
      const spoiled = Buffer.from(good).fill(0xa5, 16, good.length - 16);
      expect(await reasonOf(spoiled)).toMatch(new RegExp(`^(damaged|truncated): the ${names[format]} data`));
    },
  );

  test("a few bytes in the middle of a JPEG", async () => {
    const good = await encoded("jpeg");
    const corrupt = file("corrupt.jpg", Buffer.from(good).fill(0x55, good.length / 2, good.length / 2 + 200));
    expect(await reasonOf(corrupt)).toBe("damaged: the JPEG data cannot be decoded");
    expect((await decodePicture(corrupt, { failOn: "truncated" })).shape).toEqual([150, 200, 3]);
    expect(await reasonOf(file("head.jpg", good.subarray(0, 100)))).toBe(
      "truncated: the JPEG data ends too early",
    );
  });

  test("a drawing that is cut off, is no XML, or has no size", async () => {
    const drawing = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><rect width="5" height="5"/></svg>`;
    expect((await decodePicture(file("good.svg", drawing), { shortSide: 9 })).shape).toEqual([9, 9, 3]);
    expect(await reasonOf(file("cut.svg", drawing.slice(0, 80)))).toBe(
      "truncated: the SVG data ends too early",
    );
    expect(await reasonOf(file("wrong.svg", drawing.replace("/>", "/")))).toBe(
      "damaged: the SVG data cannot be decoded",
    );
  });

  test("what is no picture, whatever its ending", async () => {
    const bytes = (...values: number[]) => Uint8Array.from(values);
    const expected: readonly (readonly [string, Uint8Array | string, string])[] = [
      ["empty.jpg", "", "zero bytes"],
      ["text.jpg", "hello", "not a picture: looks like text"],
      ["umlaut.jpg", "Grüße, 你好\n", "not a picture: looks like text"],
      ["page.jpg", "\n<!DOCTYPE html><title>404</title>", "not a picture: looks like an HTML page"],
      ["zeros.jpg", new Uint8Array(5000), "not a picture: begins with nothing but zeros"],
      ["noise.jpg", bytes(1, 2, 3, 0, 5, 200, 7, 8), "not a picture: its first bytes are of no known format"],
      ["document.png", "%PDF-1.7\n%", "not a picture: a PDF document"],
      ["archive.png", "PK\x03\x04....", "not a picture: a ZIP archive"],
      [
        "phone.jpg",
        "\0\0\0\x18ftypheic",
        "not a picture: a HEIC picture, which is not decoded; convert it, for instance with heif-convert " +
          "in.heic out.jpg",
      ],
      ["clip.jpg", "\0\0\0\x18ftypisom", "not a picture: a video"],
      [
        "pointer.jpg",
        "version https://git-lfs.github.com/spec/v1\n",
        "not a picture: a Git LFS pointer instead of the file (run: git lfs pull)",
      ],
    ];
    for (const [name, content, reason] of expected) {
      const path = file(name, content);
      expect([name, await reasonOf(path)]).toEqual([name, reason]);
      await expect(readPictureSize(path)).rejects.toThrow(`${path}: ${reason}`);
    }
    const png = await plain(3, 2, "red").png().toBuffer();
    expect((await decodePicture(file("a PNG.jpg", png))).shape).toEqual([2, 3, 3]);
  });

  test("what is no file: missing, links, folders, pipes, devices", async () => {
    expect(await reasonOf(join(root, "missing.jpg"))).toBe("the file is missing");
    symlinkSync(join(root, "nowhere.jpg"), join(root, "dangling.jpg"));
    expect(await reasonOf(join(root, "dangling.jpg"))).toBe("a link to a file that is missing");
    symlinkSync(join(root, "ring.jpg"), join(root, "ring.jpg"));
    expect(await reasonOf(join(root, "ring.jpg"))).toBe("a link that leads to itself");
    mkdirSync(join(root, "folder.jpg"));
    expect(await reasonOf(join(root, "folder.jpg"))).toBe("a folder, not a file");
    execFileSync("mkfifo", [join(root, "pipe.jpg")]);
    expect(await reasonOf(join(root, "pipe.jpg"))).toBe("a named pipe, not a file");
    expect(await reasonOf("/dev/zero")).toBe("a device, not a file");
    expect(await reasonOf(join(root, `${"n".repeat(300)}.jpg`))).toBe(
      "its name is too long for the file system",
    );
    const gone = file("gone.jpg", await encoded("jpeg"));
    expect((await decodePicture(gone)).shape).toEqual([150, 200, 3]);
    unlinkSync(gone);
    expect(await reasonOf(gone)).toBe("the file is missing");
  });

  test("no permission", async () => {
    const locked = file("locked.jpg", await encoded("jpeg"));
    chmodSync(root, 0o755);
    chmodSync(locked, 0);
    // Root may read everything: another user looks.
    const script = `
      if (process.getuid() === 0) { process.setgid(65534); process.setuid(65534); }
      const error = await decodePicture(${JSON.stringify(locked)}).catch((error) => error);
      console.log(error.reason);`;
    const index = fileURLToPath(new URL("../dist/index.js", import.meta.url));
    const said = execFileSync(process.execPath, [
      "--input-type=module",
      "-e",
      `import { decodePicture } from ${JSON.stringify(index)};${script}`,
    ]);
    expect(said.toString().trim()).toBe("no permission to read it");
  });

  test("too many pixels, known from the header", async () => {
    const large = file("large.jpg", await encoded("jpeg"));
    const reason = "too large: 200×150, 30,000 pixels, more than the 1,000 of maximumPixels";
    expect(await reasonOf(large, { maximumPixels: 1000 })).toBe(reason);
    expect(await reasonOf(large, { maximumPixels: 1000, shortSide: 8 })).toBe(reason);
    // A bomb: two gigapixels that the header promises, in a file of some hundred bytes.
    const bomb = Buffer.from(await plain(3, 2, "red").png().toBuffer());
    bomb.writeUInt32BE(50_000, 16);
    bomb.writeUInt32BE(40_000, 20);
    const before = process.memoryUsage().rss;
    expect(await reasonOf(bomb)).toMatch(/^(too large: 50000×40000|damaged|truncated)/);
    const drawing = `<svg xmlns="http://www.w3.org/2000/svg" width="30000" height="30000"/>`;
    expect(await reasonOf(file("bomb.svg", drawing))).toBe(
      "too large: 30000×30000, 900,000,000 pixels, more than the 268,402,689 of maximumPixels",
    );
    const needle = `<svg xmlns="http://www.w3.org/2000/svg" width="1" height="30000"/>`;
    expect(await reasonOf(file("needle.svg", needle), { shortSide: 128 })).toMatch(
      /^too large: 128×3840000, /,
    );
    expect(process.memoryUsage().rss - before).toBeLessThan(100e6);
    const line = await sharp({ create: { width: 70_000, height: 40, channels: 3, background: "red" } })
      .png()
      .toBuffer();
    expect(await reasonOf(line, { shortSide: 16 })).toBe(
      "too large: 70000×40, more than 65,535 pixels a side",
    );
  });

  test("entities and references that multiply", async () => {
    const letters = [..."abcdefghij"];
    const entities = letters
      .slice(1)
      .map((name, at) => `<!ENTITY ${name} "${`&${letters[at]};`.repeat(10)}">`);
    const laughs =
      `<!DOCTYPE svg [<!ENTITY a "ha">${entities.join("")}]>` +
      '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text>&j;</text></svg>';
    expect(await reasonOf(file("laughs.svg", laughs))).toBe("damaged: the SVG data cannot be decoded");
    const deep =
      '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">' +
      `${"<g>".repeat(5000)}${"</g>".repeat(5000)}</svg>`;
    expect(await reasonOf(file("deep.svg", deep))).toBe("damaged: the SVG data cannot be decoded");
  });

  test("a sparse file of eight gigabytes is not read to say what it is", async () => {
    const huge = file("huge.jpg", "no picture");
    truncateSync(huge, 8 * 2 ** 30);
    expect(await reasonOf(huge)).toMatch(/^not a picture: /);
  });

  test("names with spaces, Unicode, newlines and brackets", async () => {
    const png = await plain(3, 2, "red").png().toBuffer();
    for (const name of [
      "a b.png",
      "ä 你好 😀.png",
      "two\nlines.png",
      "x[page=1]",
      "x[0].png",
      "%41.png",
      "-rf.png",
    ]) {
      expect((await decodePicture(file(`names/${name}`, png))).shape).toEqual([2, 3, 3]);
    }
  });

  test("many at a time keep their own reasons", async () => {
    const png = await encoded("png");
    const kinds: readonly (readonly [Uint8Array, string])[] = [
      [png.subarray(0, png.length / 2), "truncated: the PNG data ends too early"],
      [Buffer.from("text"), "not a picture: looks like text"],
      [(await encoded("webp")).subarray(0, 60), "truncated: the WebP data ends too early"],
      [new Uint8Array(0), "zero bytes"],
    ];
    const reasons = await Promise.all(
      Array.from({ length: 80 }, (_, index) => reasonOf(kinds[index % 4]![0])),
    );
    reasons.forEach((reason, index) => {
      expect(reason).toBe(kinds[index % 4]![1]);
    });
  });
});
