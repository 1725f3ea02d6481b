import { contradiction } from "@splitmask/methods/settings";
import { type VisionTransformerShape, visionTransformerPresets } from "@splitmask/vit/presets";
import type { Config } from "./config.js";

/** A model with the pictures that it sees, and what it takes to be worth its time. */
export interface Rung extends VisionTransformerShape {
  /** How a person calls it. */
  readonly name: string;
  readonly imageSize: number;
  readonly patch: number;
  /** With fewer pictures a smaller one is taken. */
  readonly pictures: number;
  /** With fewer updates of 128 pictures a smaller one learns more in the same time. */
  readonly updates: number;
  /** Only where a time is given that is too short for the others. */
  readonly isShort: boolean;
}

/** The side from which on pictures are not enlarged to 224 pixels, and below which they count as tiny, in pixels. */
const largeSide = 160;
export const smallSide = 48;

/**
 * The models that the choice is between, the largest first. A model of four times the numbers is to have about four
 * times the updates: time is best shared equally between size and length.
 */
function modelLadder(shortSide: number): readonly Rung[] {
  const isTiny = shortSide < smallSide;
  const crop = isTiny ? { imageSize: 32, patch: 4 } : { imageSize: 64, patch: 8 };
  const fewer = { ...crop, imageSize: isTiny ? 24 : 48 };
  const small = { ...visionTransformerPresets.small, name: "ViT-S", pictures: 50_000, isShort: false };
  const tiny = { ...visionTransformerPresets.tiny, name: "ViT-tiny", pictures: 5_000, isShort: false };
  // Known to work on two cores (docs/results.md).
  const usual = { width: 128, depth: 6, heads: 4, name: "width 128", pictures: 0, isShort: false };
  const least = { width: 96, depth: 4, heads: 3, pictures: 0, isShort: true };
  const large = { ...small, imageSize: 224, patch: 16, name: "ViT-S/16 at 224", updates: 40_000 };
  return [
    ...(shortSide < largeSide ? [] : [large]),
    { ...small, ...crop, updates: 36_000 },
    { ...tiny, ...crop, updates: 9_000 },
    { ...usual, ...crop, updates: 1_000 },
    { ...least, ...crop, name: `width 96 at ${crop.imageSize}`, updates: 400 },
    { ...least, ...fewer, name: `width 96 at ${fewer.imageSize}`, updates: 0 },
  ];
}

/**
 * The models that may be taken, the largest first, with what is given in the place of what they say.
 *
 * @throws UsageError where what is given contradicts itself.
 */
export function possibleModels(given: Config, shortSide: number): readonly Rung[] {
  const rungs = modelLadder(shortSide)
    .filter(({ isShort }) => !isShort || given.time !== undefined)
    .map((rung) => withGiven(given, rung));
  for (const rung of rungs) checkSize(given, rung);
  // Of two that are the same model, the one that asks for less.
  const distinct = rungs.map((rung) => {
    const { width, depth, heads, imageSize, patch } = rung;
    return [[width, depth, heads, imageSize, patch].join(" "), rung] as const;
  });
  return [...new Map(distinct).values()];
}

function withGiven(given: Config, rung: Rung): Rung {
  const named = given.model === undefined ? rung : { ...rung, ...visionTransformerPresets[given.model] };
  const width = given.width ?? named.width;
  const heads = given.heads ?? (width === named.width ? named.heads : headsFor(width));
  const patch = given.patch ?? (given.imageSize === undefined ? rung.patch : choosePatch(given.imageSize));
  const imageSize = given.imageSize ?? (given.patch === undefined ? rung.imageSize : 8 * given.patch);
  return { ...named, width, heads, depth: given.depth ?? named.depth, imageSize, patch };
}

/** Checks that what is given of model, image size and patch fits together. */
function checkSize(given: Config, { width, heads, imageSize, patch }: Rung): void {
  const own = (["width", "depth", "heads"] as const).filter((field) => given[field] !== undefined);
  if (given.model !== undefined && own.length > 0) {
    const problem = `"${given.model}" and ${own.join(", ")} were both given; give either a name or the numbers`;
    throw contradiction("model", problem);
  }
  if (width % heads !== 0) {
    const problem = `${width} and ${heads}: the width must be a multiple of the heads`;
    throw contradiction("width and heads", problem);
  }
  if (imageSize % patch !== 0) {
    const lower = Math.max(patch, Math.floor(imageSize / patch) * patch);
    const problem = `${imageSize} and ${patch}: the image size must be a multiple of the patch`;
    throw contradiction("imageSize and patch", `${problem}; use ${lower} or ${lower + patch}`);
  }
}

/** Heads of about 32 to 64 channels that divide the width. */
function headsFor(width: number): number {
  const channels = [64, 32, 48, 16, 8].find((each) => width % each === 0 && width / each >= 2);
  return channels === undefined ? 1 : width / channels;
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
