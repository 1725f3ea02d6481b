/** What is known of the pictures before training. */
export interface PictureFacts {
  /** How many pictures the folder holds. */
  readonly count: number;
  /** The median of the pictures' shorter sides, in pixels. */
  readonly shortSide: number;
}
