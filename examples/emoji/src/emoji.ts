import { createHash } from "node:crypto";

/** The four designs of the emoji, by the names of their npm packages, `@iconify-json/<design>`. */
export const designs = ["openmoji", "twemoji", "noto", "fluent-emoji-flat"] as const;
/** One of the four designs. */
export type Design = (typeof designs)[number];

/** Which emoji a design has: the names of its drawings by code points, the `chars.json` of its package. */
export type DrawingNames = Readonly<Record<string, string>>;

/** The names of a design's drawings by group, the `categories` of `metadata.json` of its package. */
export type Groups = Readonly<Record<string, readonly string[]>>;

/** One picture to rasterize. */
export interface Drawing {
  /** Whose drawing it is. */
  readonly design: Design;
  /** Its name in the design's package. */
  readonly name: string;
  /** The emoji's code points in hexadecimal, joined by dashes; the same in all designs. */
  readonly emoji: string;
  /** The emoji's group, the same in all designs. */
  readonly group: string;
}

/** Which drawings are for what. */
export interface DrawingSplit {
  /** Pictures without labels for pre-training; no family of a held-out emoji is among them. */
  readonly pretrain: readonly Drawing[];
  /** Labeled drawings of the same families as `pretrain`: of one emoji per family, in all designs. */
  readonly train: readonly Drawing[];
  /** Labeled drawings that nothing has seen: of one emoji per family, in all designs. */
  readonly test: readonly Drawing[];
}

/** The groups that serve as classes: Unicode's but flags, most of which some designs lack. */
export const classes = [
  "Activities",
  "Animals Nature",
  "Food Drink",
  "Objects",
  "People Body",
  "Smileys Emotion",
  "Symbols",
  "Travel Places",
] as const;

/** Code points that vary a drawing: the joiner, gender signs, "facing right". */
const variations = new Set(["200D", "2640", "2642", "27A1"]);
/** Man, woman, person, boy, girl, child, old man, old woman, older person: the same drawing with other hair. */
const people = new Set(["1F468", "1F469", "1F9D1", "1F466", "1F467", "1F9D2", "1F474", "1F475", "1F9D3"]);
/** The cats' faces, which Fluent draws with the same picture. */
const twins = new Map([["1F63A", "1F431"]]);
const skinTone = /1F3F[B-F]/;

/**
 * The name that all variants of an emoji share: genders, ages and directions.
 *
 * @param emoji Code points in hexadecimal, joined by dashes.
 * @returns The family's name.
 */
export function familyOf(emoji: string): string {
  return emoji
    .split("-")
    .filter((point) => !variations.has(point))
    .map((point) => (people.has(point) ? "person" : (twins.get(point) ?? point)))
    .join("-");
}

/** A number from 0 to 255 by which a family is held out, whatever the order or the number of the families. */
function placeOf(family: string): number {
  return createHash("sha256").update(`openmoji ${family}`).digest()[0]!;
}

/**
 * Splits the emoji that all four designs have, by family: about a quarter of the families is held out, and with a
 * family all its variants. Skin tones are left out: they would make hands and people half of the pictures.
 * Deterministic.
 *
 * @param names The drawings of each design.
 * @param groups The groups of the first design.
 * @returns The split.
 */
export function splitDrawings(names: Readonly<Record<Design, DrawingNames>>, groups: Groups): DrawingSplit {
  const groupOf = new Map(classes.flatMap((group) => groups[group]!.map((name) => [name, group] as const)));
  const byDesign = designs.map(
    (design) => new Map(Object.entries(names[design]).map(([points, name]) => [spelled(points), name])),
  );
  const split = { pretrain: [] as Drawing[], train: [] as Drawing[], test: [] as Drawing[] };
  const labeled = new Set<string>();
  for (const [emoji, first] of [...byDesign[0]!].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const group = groupOf.get(first);
    if (group === undefined || skinTone.test(emoji)) continue;
    const drawings = designs.flatMap((design, index) => {
      const name = byDesign[index]!.get(emoji);
      return name === undefined ? [] : [{ design, name, emoji, group }];
    });
    if (drawings.length < designs.length) continue;
    const family = familyOf(emoji);
    const heldOut = placeOf(family) < 64;
    if (!heldOut) split.pretrain.push(...drawings);
    if (labeled.has(family)) continue;
    labeled.add(family);
    split[heldOut ? "test" : "train"].push(...drawings);
  }
  return split;
}

/** Code points as they are compared: in capitals, and without the variation selector, which some designs leave out. */
function spelled(points: string): string {
  const all = points.toUpperCase().split("-");
  return all.filter((point) => point !== "FE0F").join("-");
}
