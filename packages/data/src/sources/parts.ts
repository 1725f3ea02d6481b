import type { DatasetNote } from "../imageDataset.js";

/**
 * What pictures are for, which says which part of a source is taken that has several (`train`, `test`, …) where none is
 * named. `"training"`: train. `"test"`: test, else validation; `"validation"`: the other way round. `"pretraining"`:
 * all but these two. `"any"`: everything.
 */
export type DatasetUse = "pretraining" | "training" | "validation" | "test" | "any";

/** What stands for a part in names, as Hugging Face's `datasets` has it, and in the names of well-known data sets. */
const words: Readonly<Record<string, readonly string[]>> = {
  train: ["train", "training", "trainval"],
  validation: ["validation", "valid", "val", "dev"],
  test: ["test", "testing", "eval", "evaluation", "t10k"],
  unlabelled: ["unlabelled", "unlabeled", "unsupervised"],
  extra: ["extra"],
};

const partByWord = new Map(Object.entries(words).flatMap(([part, list]) => list.map((word) => [word, part])));

/** A file or folder with the part that its name speaks of. */
export interface PartEntry {
  /** Where it is. */
  readonly path: string;
  /** `"train"`, `"validation"`, `"test"`, `"unlabelled"`, `"extra"`, or another name; null: its name says nothing. */
  readonly part: string | null;
  /** The name as it stands there, e.g. `val` or `train.clean`. */
  readonly name: string | null;
}

/**
 * The part whose word is in a name, between other characters than letters: `val` in `val2017` and `seg_val`, nothing in
 * `valley`.
 */
function wordIn(name: string): string | undefined {
  return name
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .flatMap((word) => [word, ...word.split(/\d+/)])
    .find((word) => partByWord.has(word));
}

/** The part that a name is, as a whole; null: none. */
export function wholePart(name: string): string | null {
  return partByWord.get(name.toLowerCase()) ?? null;
}

/**
 * The part that a path speaks of: by `<part>-00000-of-00003` as `datasets` writes it, else by a word in the file's
 * name, else in the folders', the innermost first.
 *
 * @param relative The path within the source, with "/" between names.
 */
export function partOf(relative: string): Pick<PartEntry, "part" | "name"> {
  const names = relative.split("/").reverse();
  const numbered = /^(\w+(?:\.\w+)*)-\d{5}-of-\d{5}\b/.exec(names[0]!)?.[1];
  if (numbered !== undefined) {
    return { part: partByWord.get(wordIn(numbered) ?? "") ?? numbered, name: numbered };
  }
  const word = names.map(wordIn).find((found) => found !== undefined);
  return word === undefined ? { part: null, name: null } : { part: partByWord.get(word)!, name: word };
}

/** What was chosen of the entries of a source. */
export interface ChosenParts {
  readonly paths: readonly string[];
  /** What was taken, where that is not everything or not what it is for. */
  readonly notes: (pictures: number) => readonly DatasetNote[];
}

const labelOf = ({ part, name }: PartEntry) => (part === null ? "others" : (wholePart(part) ?? name ?? part));
const uniqueLabels = (entries: readonly PartEntry[]) => [...new Set(entries.map(labelOf))];
const heldOut = (part: string | null) => part === "test" || part === "validation";

/**
 * The entries that a name asks for, else those that suit the use.
 *
 * @param source The path as it was given, for messages.
 * @param entries At least one.
 * @param split The name of a part, `"all"`, or nothing.
 * @param use What the pictures are for.
 * @param kind What entries are, in words.
 * @throws Error If there is no such part, or none that suits.
 */
export function chooseParts(
  source: string,
  entries: readonly PartEntry[],
  split: string | undefined,
  use: DatasetUse,
  kind: "files" | "folders",
): ChosenParts {
  const parts = uniqueLabels(entries);
  const taken = split === undefined ? bySuitability(source, entries, use) : byName(source, entries, split);
  const rest = parts.filter((part) => !taken.some((entry) => labelOf(entry) === part));
  const names = uniqueLabels(taken);
  const paths = taken.map(({ path }) => path);
  if (rest.length === 0 && split === undefined) {
    const unfit = use === "test" || use === "validation" ? names.length === 1 && names[0] === "train" : false;
    if (unfit) {
      const text = `${source}: its only split is train, and it is taken to test with`;
      return { paths, notes: () => [{ level: "warning", text }] };
    }
    if (use === "any" && parts.length > 1) {
      const text = `${source}: all splits, ${names.join(", ")}`;
      return { paths, notes: (pictures) => [{ level: "info", text: `${text}, ${pictures} pictures` }] };
    }
    return { paths, notes: () => [] };
  }
  const share = `${taken.length} of ${entries.length} ${kind}`;
  const others = rest.length === 0 ? "" : `; also there: ${rest.join(", ")}`;
  const what = `${source}: split${names.length > 1 ? "s" : ""} ${names.join(", ")}`;
  return {
    paths,
    notes: (pictures) => [{ level: "info", text: `${what}, ${pictures} pictures (${share})${others}` }],
  };
}

function byName(source: string, entries: readonly PartEntry[], split: string): readonly PartEntry[] {
  if (split === "all") return entries;
  const literal = entries.filter(({ name, part }) => name === split || part === split);
  const found = literal.length > 0 ? literal : entries.filter(({ part }) => part === wholePart(split));
  if (found.length > 0 && split !== "") return found;
  const parts = uniqueLabels(entries.filter(({ part }) => part !== null));
  throw new Error(
    `openDataset: ${source} has no split ${split}; ` +
      `${parts.length === 0 ? "no name in it speaks of one" : `there are ${parts.join(", ")}`}. Give another ` +
      "split, all, or none.",
  );
}

function bySuitability(source: string, entries: readonly PartEntry[], use: DatasetUse): readonly PartEntry[] {
  const of = (part: string) => entries.filter((entry) => entry.part === part);
  const open = entries.filter(({ part }) => !heldOut(part));
  if (use === "any" || uniqueLabels(entries).length === 1) return entries;
  if (use === "pretraining") return open.length > 0 ? open : entries;
  const wanted = {
    training: [of("train"), open],
    test: [of("test"), of("validation")],
    validation: [of("validation"), of("test")],
  }[use].find((list) => list.length > 0);
  if (wanted !== undefined) return wanted;
  // Names that speak of no known part at all are of something else.
  if (entries.every(({ part }) => part === null || wholePart(part) === null)) return entries;
  throw new Error(
    `openDataset: ${source} has the splits ${uniqueLabels(entries).join(", ")}, and none to ` +
      `${use === "training" ? "train" : "test"} with. Choose one with split (--train-split, --test-split), or ` +
      "all.",
  );
}
