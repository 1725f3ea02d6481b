import { open, readFile, stat } from "node:fs/promises";
import { fileOf } from "../fileNames.js";
import { bareHeadBytes, isBare, openBare } from "./bareFormats.js";
import { BarePictureError } from "./barePicture.js";
import { notAFile, unreadableReason } from "./diagnosis.js";
import { mendPicture } from "./mendPicture.js";
import { PictureError } from "./pictureError.js";
import { tooLarge } from "./pictureLimits.js";

/** Larger files are read piece by piece by libvips; smaller ones at once here, which is quicker. */
const mostBytesAtOnce = 64 << 20;

/**
 * What a source is read with: its bytes if it is to be read whole, or where libvips would take a part of the path for
 * options of its own (`name[page=1]`), or the path is not UTF-8, which libvips cannot be given.
 */
export async function sourceOf(
  source: string | Uint8Array,
  name: string,
  whole: boolean,
): Promise<string | Uint8Array> {
  if (typeof source !== "string") return source;
  const file = fileOf(source);
  try {
    const status = await stat(file);
    const obstacle = notAFile(status);
    if (obstacle !== null) throw new PictureError(name, obstacle);
    const atOnce = (whole && status.size <= mostBytesAtOnce) || source.endsWith("]");
    return atOnce || typeof file !== "string" || isBare(await headOf(file)) ? await readFile(file) : source;
  } catch (error) {
    if (error instanceof PictureError) throw error;
    throw new PictureError(name, await unreadableReason(source, error), { cause: error });
  }
}

async function headOf(path: string): Promise<Buffer> {
  const file = await open(path, "r");
  try {
    const head = Buffer.alloc(bareHeadBytes);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    return head.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/**
 * What libvips is given: the file, or of bare pixels the same as TIFF.
 *
 * @throws PictureError (rejects) If bare pixels are not all there, or are more than `maximumPixels`.
 */
export async function readable(
  input: string | Uint8Array,
  name: string,
  maximumPixels: number,
): Promise<{ input: string | Uint8Array; white?: number }> {
  if (typeof input === "string") return { input };
  try {
    const bare = openBare(input);
    if (bare === null) return { input };
    if (bare.height * bare.width > maximumPixels) throw new PictureError(name, tooLarge(bare, maximumPixels));
    const { file, ...scale } = await bare.read();
    return { input: file, ...scale };
  } catch (error) {
    if (error instanceof BarePictureError) throw new PictureError(name, error.message, { cause: error });
    throw error;
  }
}

/** What a file may be decoded as instead, see `mendPicture`; nothing of a large one. */
export async function mendFile(input: string | Uint8Array): Promise<readonly Uint8Array[]> {
  if (typeof input !== "string") return mendPicture(input);
  try {
    const { size } = await stat(input);
    return size > mostBytesAtOnce ? [] : mendPicture(await readFile(input));
  } catch {
    return []; // gone in the meantime: the diagnosis says so
  }
}
