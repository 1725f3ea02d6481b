import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import {
  type Design,
  type Drawing,
  type DrawingNames,
  type DrawingSplit,
  designs,
  type Groups,
  splitDrawings,
} from "./emoji.js";

/** Folders of pictures; the labeled ones have a folder for each group inside. */
export interface PictureFolders {
  /** Pictures for pre-training. */
  readonly pretrain: string;
  /** Labeled drawings of the families of `pretrain`. */
  readonly train: string;
  /** Labeled drawings that nothing has seen. */
  readonly test: string;
}

/** What this program reads of `icons.json`, the drawings of a design. */
interface IconSet {
  readonly icons: Readonly<Record<string, { readonly body: string }>>;
  readonly width?: number;
  readonly height?: number;
}

const require = createRequire(import.meta.url);

async function readOf<T>(design: Design, file: string): Promise<T> {
  return JSON.parse(await readFile(require.resolve(`@iconify-json/${design}/${file}`), "utf8")) as T;
}

async function readOfEach<T>(file: string): Promise<Record<Design, T>> {
  const contents = designs.map(async (design) => [design, await readOf<T>(design, file)] as const);
  return Object.fromEntries(await Promise.all(contents)) as Record<Design, T>;
}

/** Reads what the packages have, and splits it. */
export async function readDrawings(): Promise<DrawingSplit> {
  const { categories } = await readOf<{ readonly categories: Groups }>(designs[0], "metadata.json");
  return splitDrawings(await readOfEach<DrawingNames>("chars.json"), categories);
}

/**
 * Rasterizes the drawings on white into folders of PNG files, once: a finished cache is used again.
 *
 * @param split The drawings.
 * @param folder The cache; written beside and renamed, so it is whole or not there.
 * @param size Side of the pictures in pixels.
 * @param onProgress Called with the number of finished drawings and of all.
 * @returns The three folders.
 */
export async function rasterize(
  split: DrawingSplit,
  folder: string,
  size: number,
  onProgress: (done: number, all: number) => void,
): Promise<PictureFolders> {
  const folders = {
    pretrain: join(folder, "pretrain"),
    train: join(folder, "train"),
    test: join(folder, "test"),
  };
  const places = new Map<string, { drawing: Drawing; paths: string[] }>();
  for (const part of ["pretrain", "train", "test"] as const) {
    for (const drawing of split[part]) {
      const file = `${drawing.emoji}.${drawing.design}.png`;
      const entry = places.get(file) ?? { drawing, paths: [] };
      entry.paths.push(part === "pretrain" ? join(part, file) : join(part, drawing.group, file));
      places.set(file, entry);
    }
  }
  const all = [...places.values()];
  const stamp = JSON.stringify({ size, pictures: all.flatMap(({ paths }) => paths).sort() });
  const stampPath = join(folder, "pictures.json");
  if ((await readFile(stampPath, "utf8").catch(() => "")) === stamp) return folders;

  const sets = await readOfEach<IconSet>("icons.json");
  const beside = `${folder}.${process.pid}.part`;
  try {
    for (const path of new Set(all.flatMap(({ paths }) => paths.map(dirname))))
      await mkdir(join(beside, path), { recursive: true });
    const threads = sharp.concurrency(1);
    let next = 0;
    let done = 0;
    const work = async () => {
      for (let entry = all[next++]; entry !== undefined; entry = all[next++]) {
        const { drawing, paths } = entry;
        const picture = await sharp(Buffer.from(svgOf(sets[drawing.design], drawing.name, size)))
          .resize(size, size, { fit: "contain", background: "white" })
          .flatten({ background: "white" })
          .png({ compressionLevel: 3 })
          .toBuffer();
        for (const path of paths) await writeFile(join(beside, path), picture);
        onProgress(++done, all.length);
      }
    };
    await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, work));
    sharp.concurrency(threads);
    await writeFile(join(beside, "pictures.json"), stamp);
    await rm(folder, { recursive: true, force: true });
    await rename(beside, folder);
  } catch (error) {
    await rm(beside, { recursive: true, force: true });
    throw error;
  }
  return folders;
}

/** A drawing of a set as an SVG document of `size` pixels. */
function svgOf({ icons, width = 16, height = 16 }: IconSet, name: string, size: number): string {
  return (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ' +
    `width="${size}" height="${size}" viewBox="0 0 ${width} ${height}">${icons[name]!.body}</svg>`
  );
}
