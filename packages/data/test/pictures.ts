import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp, { type Sharp } from "sharp";

/** An empty folder that is removed after the tests of the file. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "splitmask-data-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Waits until something is so, however long the machine takes. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Writes a file and the folders that it lies in. */
export function write(path: string, content: Uint8Array | string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

/** A plain picture of one color. */
export function plain(
  width: number,
  height: number,
  background: string | { r: number; g: number; b: number },
): Sharp {
  return sharp({ create: { width, height, channels: 3, background } });
}

/** Pixels that differ from each other: red grows with x, green with y, blue with the number. */
export function gradient(width: number, height: number, number = 0): Sharp {
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      pixels.set([(255 * x) / width, (255 * y) / height, (number * 37) % 256], (y * width + x) * 3);
    }
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

/** `count` pictures `<folder>/000.jpg` …, of slightly different sizes. */
export async function writePictures(folder: string, count: number, size = 40): Promise<void> {
  for (let number = 0; number < count; number++) {
    const picture = gradient(size + (number % 5), size + (number % 7), number);
    write(
      join(folder, `${String(number).padStart(3, "0")}.jpg`),
      await picture.jpeg({ quality: 95 }).toBuffer(),
    );
  }
}
