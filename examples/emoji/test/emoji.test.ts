import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import {
  classes,
  type Design,
  type Drawing,
  type DrawingNames,
  designs,
  familyOf,
  splitDrawings,
} from "@splitmask/example-emoji/emoji";

const require = createRequire(import.meta.url);
const read = (file: string) => JSON.parse(readFileSync(require.resolve(`@iconify-json/${file}`), "utf8"));
const names = Object.fromEntries(designs.map((design) => [design, read(`${design}/chars.json`)]));
const split = splitDrawings(
  names as Record<Design, DrawingNames>,
  read(`${designs[0]}/metadata.json`).categories,
);
const families = (drawings: readonly Drawing[]) => new Set(drawings.map(({ emoji }) => familyOf(emoji)));

test("a family holds genders, ages and directions", () => {
  const runner = ["1F3C3", "1F3C3-200D-2640", "1F3C3-200D-2642-200D-27A1"];
  expect(new Set(runner.map(familyOf))).toEqual(new Set(["1F3C3"]));
  expect(familyOf("1F468-200D-1F373")).toBe(familyOf("1F9D1-200D-1F373"));
  expect(familyOf("1F600")).not.toBe(familyOf("1F601"));
});

test("no family of a held-out drawing is trained on", () => {
  const seen = families(split.pretrain);
  for (const family of families(split.test)) expect(seen.has(family)).toBe(false);
  for (const family of families(split.train)) expect(seen.has(family)).toBe(true);
});

test("about a quarter is held out, in every class", () => {
  const share = split.test.length / (split.test.length + split.train.length);
  expect(share).toBeGreaterThan(0.2);
  expect(share).toBeLessThan(0.3);
  for (const group of classes) {
    for (const part of [split.train, split.test])
      expect(part.filter((drawing) => drawing.group === group).length).toBeGreaterThan(20);
  }
});

test("the labeled drawings hold one emoji a family, in all four designs and without a skin tone", () => {
  for (const part of [split.train, split.test]) {
    expect(part.length).toBe(designs.length * families(part).size);
    const pairs = part.map(({ design, emoji }) => `${emoji} ${design}`);
    expect(new Set(pairs).size).toBe(part.length);
    expect(pairs.some((pair) => pair.includes("1F3FB"))).toBe(false);
  }
  expect(split.pretrain.length).toBeGreaterThan(4000);
});

test("an emoji that one design lacks is left out, however the variation selector is spelled", () => {
  const design = { "2600": "sun", "2601-fe0f": "cloud", "1f40c": "snail" };
  const tiny = splitDrawings(
    {
      openmoji: design,
      twemoji: { "2600-fe0f": "sun", "2601": "cloud", "1f40c": "snail" },
      noto: design,
      "fluent-emoji-flat": { "2600": "the-sun", "2601": "cloud" },
    },
    Object.fromEntries(classes.map((group) => [group, ["sun", "cloud", "snail"]])),
  );
  const labeled = [...tiny.train, ...tiny.test];
  expect(new Set(labeled.map(({ emoji }) => emoji))).toEqual(new Set(["2600", "2601"]));
  expect(labeled.filter(({ emoji }) => emoji === "2600").map(({ name }) => name)).toEqual([
    "sun",
    "sun",
    "sun",
    "the-sun",
  ]);
});
