import { type VisionTransformerShape, visionTransformerPresets } from "@splitmask/vit/presets";
import type { Config } from "./config.js";

/** A model with the pictures that it sees, and what it takes to be worth its time. */
export interface Rung extends VisionTransformerShape {
  /** How a person calls it. */
  readonly name: string;
  /** Side of the crop in pixels. */
  readonly imageSize: number;
  /** Side of a patch in pixels. */
  readonly patch: number;
  /** With fewer pictures a smaller one is taken. */
  readonly pictures: number;
  /** With fewer updates of 128 pictures a smaller one learns more in the same time. */
  readonly updates: number;
  /** Only where a time is given that is too short for the others. */
  readonly short: boolean;
}

/** The model that is known to work on two cores (docs/results.md). */
const usual = { width: 128, depth: 6, heads: 4, name: "width 128" };
const least = { width: 96, depth: 4, heads: 3 };

/** What photographs are cropped to, and what pictures below 48 pixels are. */
const crops = {
  large: { imageSize: 224, patch: 16 },
  photographs: { imageSize: 64, patch: 8, fewer: { imageSize: 48, patch: 8 } },
  tiny: { imageSize: 32, patch: 4, fewer: { imageSize: 24, patch: 4 } },
};

/** The side from which on pictures are not enlarged to 224 pixels, in pixels. */
const largeSide = 160;
const smallSide = 48;

/**
 * The models that the choice is between, the largest first. A model of four times the numbers is to have about four
 * times the updates: time is best shared equally between size and length.
 *
 * @param shortSide Median shorter side of the pictures.
 */
export function modelLadder(shortSide: number): readonly Rung[] {
  const { fewer, ...crop } = shortSide < smallSide ? crops.tiny : crops.photographs;
  const small = { ...visionTransformerPresets.small, name: "ViT-S", pictures: 50_000, short: false };
  return [
    ...(shortSide < largeSide
      ? []
      : [{ ...small, ...crops.large, name: "ViT-S/16 at 224", updates: 40_000 }]),
    { ...small, ...crop, updates: 36_000 },
    {
      ...visionTransformerPresets.tiny,
      ...crop,
      name: "ViT-tiny",
      pictures: 5_000,
      updates: 9_000,
      short: false,
    },
    { ...usual, ...crop, pictures: 0, updates: 1_000, short: false },
    { ...least, ...crop, name: `width 96 at ${crop.imageSize}`, pictures: 0, updates: 400, short: true },
    { ...least, ...fewer, name: `width 96 at ${fewer.imageSize}`, pictures: 0, updates: 0, short: true },
  ];
}

/**
 * A rung with what is given in the place of what it says.
 *
 * @param given The fields that are given.
 * @param rung A rung of the ladder.
 */
export function withGiven(given: Config, rung: Rung): Rung {
  const named = given.model === undefined ? rung : { ...rung, ...visionTransformerPresets[given.model] };
  const width = given.width ?? named.width;
  const heads = given.heads ?? (width === named.width ? named.heads : headsFor(width));
  const patch = given.patch ?? (given.imageSize === undefined ? rung.patch : choosePatch(given.imageSize));
  const imageSize = given.imageSize ?? (given.patch === undefined ? rung.imageSize : 8 * given.patch);
  return { ...named, width, heads, depth: given.depth ?? named.depth, imageSize, patch };
}

/** Heads of about 32 to 64 channels that divide the width. */
function headsFor(width: number): number {
  for (const channels of [64, 32, 48, 16, 8])
    if (width % channels === 0 && width / channels >= 2) return width / channels;
  return 1;
}

/** The patch that gives about 8 × 8 patches up to 128 pixels, and about 14 × 14 above. */
function choosePatch(imageSize: number): number {
  const wanted = imageSize <= 128 ? imageSize / 8 : imageSize / 14;
  let best = imageSize;
  for (let patch = 2; patch <= imageSize / 2; patch++) {
    if (imageSize % patch === 0 && Math.abs(patch - wanted) < Math.abs(best - wanted)) best = patch;
  }
  return best;
}
