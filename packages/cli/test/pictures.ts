import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";

/** A picture of stripes: horizontal ones in class 0, vertical ones in class 1; colors and widths by number. */
export async function picture(label: number, number: number, side = 40): Promise<Buffer> {
  const width = 3 + (number % 4);
  const pixels = new Uint8Array(side * side * 3);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const bright = Math.floor((label === 0 ? y : x) / width) % 2 === 0;
      const place = (y * side + x) * 3;
      pixels[place] = bright ? 230 - 5 * number : 20;
      pixels[place + 1] = bright ? 40 + 7 * number : 60;
      pixels[place + 2] = (x * y + 11 * number) % 255;
    }
  }
  return sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
    .png()
    .toBuffer();
}

/** Writes `count` pictures in each of two class folders. */
export async function writePictures(folder: string, count: number, first = 0): Promise<void> {
  for (const [label, name] of ["across", "down"].entries()) {
    await mkdir(join(folder, name), { recursive: true });
    for (let number = first; number < first + count; number++) {
      await writeFile(
        join(folder, name, `${String(number).padStart(3, "0")}.png`),
        await picture(label, number),
      );
    }
  }
}
