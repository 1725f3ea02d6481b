import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import type { Drawing, DrawingSplit } from "./drawings.js";

/** Folders of pictures, one folder a group inside each. */
export interface PictureFolders {
  /** Pictures for pre-training. */
  readonly pretrain: string;
  /** Labeled training pictures. */
  readonly train: string;
  /** Labeled held-out pictures. */
  readonly test: string;
}

/** The side of the SVG files' view box: 72 units, one pixel each at 72 dots an inch. */
const unitsPerDrawing = 72;

/**
 * Rasterizes the drawings on white into folders of PNG files, once: a finished cache is used again.
 *
 * @param openmoji Folder of the npm package.
 * @param split The drawings.
 * @param folder The cache; written beside and renamed, so it is whole or not there.
 * @param size Side of the pictures in pixels.
 * @param onProgress Called with the number of finished drawings and of all.
 * @returns The three folders.
 */
export async function rasterize(
  openmoji: string,
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
      const name = `${drawing.hexcode}.${drawing.ink}`;
      const entry = places.get(name) ?? { drawing, paths: [] };
      entry.paths.push(join(part, drawing.group, `${name}.png`));
      places.set(name, entry);
    }
  }
  const all = [...places.values()];
  const stamp = JSON.stringify({ size, pictures: all.flatMap(({ paths }) => paths).sort() });
  const stampPath = join(folder, "pictures.json");
  if ((await readFile(stampPath, "utf8").catch(() => "")) === stamp) return folders;

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
        const picture = await sharp(join(openmoji, drawing.ink, "svg", `${drawing.hexcode}.svg`), {
          density: (72 * size) / unitsPerDrawing,
        })
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
