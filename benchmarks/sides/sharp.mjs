// sharp by itself, decoding a folder's JPEG files to pixels. Argument: folder, batch, workers (pictures at a time) as
// JSON; a step is a batch of pictures.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { serve } from "../serve.mjs";

const { folder, batch, workers } = JSON.parse(process.argv[2]);
sharp.concurrency(1);
sharp.cache(false);
const files = readdirSync(folder).map((name) => join(folder, name));

async function round(enough) {
  const start = performance.now();
  let next = 0;
  const work = async () => {
    // Whole passes over the files, as on the other sides.
    while ((performance.now() - start) / 1000 < enough || next % files.length !== 0) {
      await sharp(files[next++ % files.length])
        .raw()
        .toBuffer();
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  return { steps: next / batch, seconds: (performance.now() - start) / 1000 };
}
await serve({ information: { version: sharp.versions.sharp, pictures: files.length }, round });
