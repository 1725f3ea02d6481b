// JPEG files of 500×375 pixels, quality 90, for the rows about data: from the photographs in ../shared/data/coco-lite
// where they are, else drawn.
import { existsSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { RandomStream } from "@splitmask/autograd";
import sharp from "sharp";

const count = 256;
const [width, height] = [500, 375];
const coco = fileURLToPath(new URL("../../shared/data/coco-lite/images/train2017", import.meta.url));

/** Clouds: noise of few pixels, enlarged, over noise of more pixels; about as hard to compress as a photograph. */
async function draw(number) {
  const stream = new RandomStream({ seed: 0, purpose: "photographs", sample: number });
  const layer = async (columns, rows, opacity) => {
    const pixels = Buffer.alloc(columns * rows * 4);
    for (let at = 0; at < pixels.length; at++) pixels[at] = at % 4 === 3 ? opacity : stream.bits() >>> 24;
    const raw = { width: columns, height: rows, channels: 4 };
    return sharp(pixels, { raw }).resize(width, height, { fit: "fill" }).png().toBuffer();
  };
  const [coarse, ...finer] = await Promise.all([layer(8, 6, 255), layer(60, 45, 110), layer(250, 188, 45)]);
  return sharp(coarse).composite(finer.map((input) => ({ input })));
}

/**
 * Writes the files into a new folder.
 *
 * @returns {Promise<{ folder: string, source: string }>} `source`: what they are made of.
 */
export async function makePhotographs() {
  const folder = mkdtempSync(join(tmpdir(), "splitmask-photographs-"));
  const names = existsSync(coco) ? readdirSync(coco).sort().slice(0, count) : [];
  for (let number = 0; number < count; number++) {
    const picture =
      names.length < count
        ? await draw(number)
        : sharp(join(coco, names[number])).resize(width, height, { fit: "cover" }).toColourspace("srgb");
    await picture
      .removeAlpha()
      .jpeg({ quality: 90 })
      .toFile(join(folder, `${String(number).padStart(4, "0")}.jpg`));
  }
  return { folder, source: names.length < count ? "drawn" : "from coco-lite" };
}
