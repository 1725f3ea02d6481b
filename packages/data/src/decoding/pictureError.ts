import { shownName } from "../shownName.js";

/** A picture that could not be read or decoded. */
export class PictureError extends Error {
  /** `"PictureError"`. */
  override readonly name = "PictureError";
  /** The file, or the picture's name. */
  readonly path: string;
  /** What is wrong with it, in a few words. */
  readonly reason: string;

  /**
   * @param path The file, or the picture's name.
   * @param reason What is wrong with it.
   */
  constructor(path: string, reason: string, options?: ErrorOptions) {
    super(`${shownName(path)}: ${reason}`, options);
    this.path = path;
    this.reason = reason;
  }
}

/** A picture that was left out, and why. */
export interface SkippedPicture {
  /** The file, or the picture's name. */
  readonly path: string;
  /** What is wrong with it. */
  readonly reason: string;
}
