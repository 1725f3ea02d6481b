import type { BarePicture } from "./barePicture.js";
import { isBmp, openBmp } from "./bmp.js";
import { isNetpbm, openNetpbm } from "./netpbm.js";

/** Bytes of the beginning that tell such a file. */
export const bareHeadBytes = 64;

/** Whether a file begins as one of bare pixels does. */
export function isBare(head: Uint8Array): boolean {
  return isBmp(head) || isNetpbm(head);
}

/**
 * Opens a BMP, PBM, PGM or PPM file.
 *
 * @param bytes All of the file.
 * @returns null if it is none.
 * @throws BarePictureError If its header is damaged, or says that it is of a kind that is not decoded.
 */
export function openBare(bytes: Uint8Array): BarePicture | null {
  if (!isBare(bytes)) return null;
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return isBmp(bytes) ? openBmp(file) : openNetpbm(file);
}
