import { createHash } from "node:crypto";

/** What this program reads of an entry of OpenMoji's `data/openmoji.json`. */
export interface OpenmojiEntry {
  /** Code points in hexadecimal, joined by dashes; the name of the drawing's file. */
  readonly hexcode: string;
  /** The group, such as "animals-nature". */
  readonly group: string;
  /** Empty for a drawing without a skin tone, else its number. */
  readonly skintone: number | string;
}

/** Color, or black line on white. */
export type Ink = "color" | "black";

/** One picture to rasterize. */
export interface Drawing {
  /** Names the file `<ink>/svg/<hexcode>.svg`. */
  readonly hexcode: string;
  /** Color or black line. */
  readonly ink: Ink;
  /** OpenMoji's group. */
  readonly group: string;
}

/** Which drawings are for what. */
export interface DrawingSplit {
  /** Pictures without labels for pre-training; no family of a held-out drawing is among them. */
  readonly pretrain: readonly Drawing[];
  /** Labeled drawings of the same families as `pretrain`, one per family and ink. */
  readonly train: readonly Drawing[];
  /** Labeled drawings that nothing has seen, one per family and ink. */
  readonly test: readonly Drawing[];
}

/**
 * The groups that serve as classes. Left out: flags (colored rectangles, which any encoder tells apart), OpenMoji's
 * own extras (a mix of all the others) and the components (parts, not drawings).
 */
export const classes = [
  "activities",
  "animals-nature",
  "food-drink",
  "objects",
  "people-body",
  "smileys-emotion",
  "symbols",
  "travel-places",
] as const;

/** Code points that vary a drawing: skin tones, the joiner, the variation selector, gender signs, "facing right". */
const variations = new Set([
  "1F3FB",
  "1F3FC",
  "1F3FD",
  "1F3FE",
  "1F3FF",
  "200D",
  "FE0F",
  "2640",
  "2642",
  "27A1",
]);
/** Man, woman, person, boy, girl, child, old man, old woman, older person: the same drawing with other hair. */
const people = new Set(["1F468", "1F469", "1F9D1", "1F466", "1F467", "1F9D2", "1F474", "1F475", "1F9D3"]);

/**
 * The name that all variants of a drawing share: skin tones, genders, directions, and (as the ink is no part of it)
 * color and black line.
 *
 * @param hexcode Code points in hexadecimal, joined by dashes.
 * @returns The family's name.
 */
export function familyOf(hexcode: string): string {
  return hexcode
    .split("-")
    .filter((point) => !variations.has(point))
    .map((point) => (people.has(point) ? "person" : point))
    .join("-");
}

/** True for about one family in four, whatever the order or the number of the families. */
function isHeldOut(family: string): boolean {
  return createHash("sha256").update(`openmoji ${family}`).digest()[0]! < 64;
}

/**
 * Splits the drawings by family: about a quarter of the families is held out, and with a family all its variants.
 * Deterministic.
 *
 * @param entries OpenMoji's list.
 * @returns The split.
 */
export function splitDrawings(entries: readonly OpenmojiEntry[]): DrawingSplit {
  const pretrain: Drawing[] = [];
  const train: Drawing[] = [];
  const test: Drawing[] = [];
  const labelled = new Set<string>();
  const isClass = new Set<string>(classes);
  for (const { hexcode, group, skintone } of entries) {
    const family = familyOf(hexcode);
    const plain = skintone === "";
    // A drawing's black line is the same for every skin tone.
    const inks: readonly Ink[] = plain ? ["color", "black"] : ["color"];
    const drawings = inks.map((ink) => ({ hexcode, ink, group }));
    const heldOut = isHeldOut(family);
    if (!heldOut) pretrain.push(...drawings);
    if (!plain || !isClass.has(group) || labelled.has(family)) continue;
    labelled.add(family);
    (heldOut ? test : train).push(...drawings);
  }
  return { pretrain, train, test };
}
