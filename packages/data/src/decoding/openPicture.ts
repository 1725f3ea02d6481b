import { open } from "node:fs/promises";
import { constants, gunzipSync } from "node:zlib";
import sharp, { type Sharp, type SharpOptions } from "sharp";
import { signatureOf } from "./signature.js";

const headBytes = 4096;

/**
 * Hands a file to libvips, whose settings are the whole process's and are left alone, if it begins as the formats that
 * are decoded here do: so no file reaches another loader (libvips' own format, or whatever a libvips of the user's
 * brings: ImageMagick, PDF).
 *
 * @throws Error (rejects) If it begins otherwise; the diagnosis says what it is.
 */
export async function openPicture(input: string | Uint8Array, options: SharpOptions): Promise<Sharp> {
  const head = typeof input === "string" ? await headOf(input) : input.subarray(0, headBytes);
  if (!isDecoded(head)) throw new Error("the file begins as none of the formats that are decoded");
  return sharp(input, options);
}

async function headOf(path: string): Promise<Uint8Array> {
  const file = await open(path, "r");
  try {
    const head = Buffer.alloc(headBytes);
    const { bytesRead } = await file.read(head, 0, headBytes, 0);
    return head.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function isDecoded(head: Uint8Array): boolean {
  if (signatureOf(head).kind === "picture") return true;
  const start = Buffer.from(head.buffer, head.byteOffset, Math.min(head.byteLength, 8)).toString("latin1");
  // AVIF under one of the names that it shares with HEIC: what is in it, only its loader can tell.
  if (start.startsWith("ftyp", 4)) return true;
  return start.startsWith("\x1f\x8b") && isCompressedDrawing(head);
}

/** Whether gzip data begins with an SVG drawing. */
function isCompressedDrawing(head: Uint8Array): boolean {
  try {
    const signature = signatureOf(gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH }));
    return signature.kind === "picture" && signature.format === "SVG";
  } catch {
    return false;
  }
}
