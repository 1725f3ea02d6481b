import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import {
  classes,
  type Drawing,
  familyOf,
  type OpenmojiEntry,
  splitDrawings,
} from "@splitmask/example-openmoji/drawings";

const entries = JSON.parse(
  readFileSync(createRequire(import.meta.url).resolve("openmoji/data/openmoji.json"), "utf8"),
) as OpenmojiEntry[];
const split = splitDrawings(entries);
const families = (drawings: readonly Drawing[]) =>
  new Set(drawings.map((drawing) => familyOf(drawing.hexcode)));

test("a family holds skin tones, genders and directions", () => {
  const runner = [
    "1F3C3",
    "1F3C3-1F3FF",
    "1F3C3-200D-2640-FE0F",
    "1F3C3-1F3FB-200D-2642-FE0F-200D-27A1-FE0F",
  ];
  expect(new Set(runner.map(familyOf))).toEqual(new Set(["1F3C3"]));
  expect(familyOf("1F468-1F3FB-200D-1F373")).toBe(familyOf("1F9D1-200D-1F373"));
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

test("the labeled drawings hold one drawing a family, in color and in black line", () => {
  for (const part of [split.train, split.test]) expect(part.length).toBe(2 * families(part).size);
  expect(split.pretrain.length).toBeGreaterThan(5000);
});
