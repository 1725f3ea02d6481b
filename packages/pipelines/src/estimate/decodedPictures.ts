/** How a run's steps decode its pictures. */
export interface StepDecoding {
  /** Different pictures that a step sees. */
  readonly picturesPerStep: number;
  /** All pictures of the run. */
  readonly count: number;
  /** Share of the pictures that stay decoded from one pass over them to the next, 0 to 1. */
  readonly keptShare: number;
}

/**
 * How many pictures are decoded in so many steps: in the first pass each that a step sees, later those that were not
 * kept.
 *
 * @param steps How many steps.
 * @param decoding How they decode.
 */
export function decodedInSteps(steps: number, { count, keptShare, picturesPerStep }: StepDecoding): number {
  const seen = steps * picturesPerStep;
  const again = Math.max(0, seen - count);
  return Math.min(count, seen) + (1 - keptShare) * again;
}

/**
 * How many steps fit in a time with the pictures that they decode, at least one.
 *
 * @param seconds The time.
 * @param secondsPerStep A step without decoding.
 * @param secondsPerPicture To decode a picture.
 * @param decoding How the steps decode.
 */
export function stepsInTime(
  seconds: number,
  secondsPerStep: number,
  secondsPerPicture: number,
  { count, keptShare, picturesPerStep }: StepDecoding,
): number {
  const decodes = picturesPerStep * secondsPerPicture;
  const firstPass = count / picturesPerStep;
  const inFirst = seconds / (secondsPerStep + decodes);
  const later = seconds - firstPass * (secondsPerStep + decodes);
  const steps =
    inFirst <= firstPass ? inFirst : firstPass + later / (secondsPerStep + (1 - keptShare) * decodes);
  return Math.max(1, Math.floor(steps));
}
