import type { PictureSize } from "./pictureSize.js";

/** Why a file of bare pixels cannot be decoded: its message, in a few words. */
export class BarePictureError extends Error {
  /** `"BarePictureError"`. */
  override readonly name = "BarePictureError";
}

/** A file whose pixels are there nearly as they are, and that libvips has no loader for. */
export interface BarePicture extends PictureSize {
  /**
   * The same pixels as a TIFF file.
   *
   * @throws BarePictureError (rejects) If they are not all there.
   */
  read(): Promise<TiffPicture>;
}

/** A TIFF file in memory. */
export interface TiffPicture {
  /** All of it. */
  readonly file: Buffer;
  /** The value that is white, where it is not the greatest that the bits hold. */
  readonly white?: number;
}
