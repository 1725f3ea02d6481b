import type { DatasetNote } from "../imageDataset.js";
import { shownName } from "../shownName.js";
import { sortNames } from "./sortNames.js";

/** More classes than any classification data set has: a larger label is damage, and would make as many names. */
export const mostClasses = 1_000_000;
/** Names that a message shows. */
const shownNames = 20;

/** Labels with the names of their classes. */
export interface NamedLabels {
  /** By picture; −1: no label. */
  readonly labels: Int32Array;
  /** Names by label; whole numbers where a source has no names; empty: no labels. */
  readonly classes: readonly string[];
}

/** Named labels, and what people should know of how they came about. */
export interface AlignedLabels extends NamedLabels {
  readonly notes: readonly DatasetNote[];
}

/** The labels of one file of a source, with the names that it has for them itself. */
export interface LabelledPart {
  /** The file, for messages. */
  readonly source: string;
  /** By picture; −1: no label. */
  readonly labels: Int32Array;
  /** Names by label; null: the labels are numbers only. */
  readonly names: readonly string[] | null;
}

const isNumber = (name: string) => /^\d{1,9}$/.test(name);
const isSame = (a: readonly string[], b: readonly string[]) =>
  a.length === b.length && a.every((name, label) => name === b[label]);

/**
 * The name of a class as it is compared and shown: composed (Unicode NFC), since macOS writes `é` as two characters
 * where others write one; bytes that are not UTF-8 as `\\xe9`.
 *
 * @param name What a folder, a file or a column calls it.
 */
export function className(name: string): string {
  return shownName(name).normalize("NFC");
}

/** Names for a message. */
export function listNames(names: readonly string[]): string {
  return `${names.slice(0, shownNames).join(", ")}${names.length > shownNames ? ", …" : ""}`;
}

/** The names of classes that have none: `"0"`, `"1"`, …. */
export function numberNames(count: number): string[] {
  return Array.from({ length: count }, (_, label) => String(label));
}

/**
 * The names of the classes for labels that are numbers.
 *
 * @param reader Who asks, for the message.
 * @param source The file that the labels came from.
 * @param labels −1: no label.
 * @param given Names that are known; default `"0"`, `"1"`, … up to the largest label.
 * @throws Error If a label has no name.
 */
export function classesFor(
  reader: string,
  source: string,
  labels: Int32Array,
  given?: readonly string[],
): readonly string[] {
  let most = -1;
  for (const label of labels) most = Math.max(most, label);
  if (given !== undefined && most >= given.length) {
    throw new Error(
      `${reader}: ${source} holds the label ${most}, but there are ${given.length} classes (labels run ` +
        `from 0 to ${given.length - 1}). Give all classes, or mend the file.`,
    );
  }
  if (most >= mostClasses) {
    throw new Error(
      `${reader}: ${source} holds the label ${most}; expected class numbers below ${mostClasses}. ` +
        "The file is damaged, or the column is no class label.",
    );
  }
  return given ?? numberNames(most + 1);
}

/** What each label of one list of classes is in another. */
interface Matching {
  /** By label; −1: no such class. */
  readonly numbers: Int32Array;
  /** Whether one of the lists has numbers only, so that labels were taken as places in the other. */
  readonly byPlace: boolean;
}

/** Matches names by name, or by number where one of the lists has numbers only. */
function matchClasses(own: readonly string[], used: readonly number[], wanted: readonly string[]): Matching {
  const identity = Int32Array.from(own, (_, label) => label);
  if (isSame(own.map(className), wanted.map(className))) return { numbers: identity, byPlace: false };
  const byKey = new Map<string, number>();
  const doubled = new Set<string>();
  for (const [label, name] of wanted.entries()) {
    if (byKey.has(className(name))) doubled.add(className(name));
    else byKey.set(className(name), label);
  }
  const ambiguous = used.find((label) => doubled.has(className(own[label]!)));
  if (ambiguous !== undefined) {
    throw new Error(
      `several of the classes are called ${own[ambiguous]}, so that labels cannot be matched by name. Give each ` +
        "class a name of its own",
    );
  }
  const byName = Int32Array.from(own, (name) => byKey.get(className(name)) ?? -1);
  if (used.every((label) => byName[label]! >= 0)) return { numbers: byName, byPlace: false };
  const numbered = own.every(isNumber);
  const wantsNumbers = wanted.every(isNumber);
  if (!numbered && !wantsNumbers) return { numbers: byName, byPlace: false };
  const place = new Map(wanted.map((name, label) => [wantsNumbers ? Number(name) : label, label]));
  const numbers = Int32Array.from(own, (name, label) => place.get(numbered ? Number(name) : label) ?? -1);
  return { numbers, byPlace: !(numbered && wantsNumbers) };
}

/**
 * Labels in the numbering of the wanted classes: matched by name (Unicode NFC), or by number where a side has numbers
 * only, which a note tells.
 *
 * @param reader Who asks, for messages.
 * @param source The file or folder that the labels came from.
 * @param own The labels with their own names.
 * @param wanted The classes by label; left out: as they are.
 * @throws Error If a picture is of a class that is not wanted.
 */
export function alignLabels(
  reader: string,
  source: string,
  own: NamedLabels,
  wanted: readonly string[] | undefined,
): AlignedLabels {
  if (wanted === undefined || own.classes.length === 0) return { ...own, notes: [] };
  const present = new Uint8Array(own.classes.length);
  for (const label of own.labels) if (label >= 0) present[label] = 1;
  const used = [...own.classes.keys()].filter((label) => present[label] === 1);
  let matching: Matching;
  try {
    matching = matchClasses(own.classes, used, wanted);
  } catch (error) {
    throw new Error(`${reader}: ${source}: ${(error as Error).message}.`, { cause: error });
  }
  const { numbers, byPlace } = matching;
  const unknown = used.filter((label) => numbers[label]! < 0).map((label) => own.classes[label]!);
  if (unknown.length > 0) {
    throw new Error(
      `${reader}: ${source} holds pictures of the class${unknown.length > 1 ? "es" : ""} ${listNames(unknown)}, ` +
        `but the classes are ${listNames(wanted)}. Both must use the same names: rename, or leave out what is not ` +
        "among them.",
    );
  }
  const labels = own.labels.map((label) => (label < 0 ? -1 : numbers[label]!));
  if (!byPlace) return { labels, classes: wanted, notes: [] };
  const pairs = used.slice(0, 3).map((label) => `${own.classes[label]} as ${wanted[numbers[label]!]}`);
  const text =
    `${source}: classes are matched by number, because one side has no names: ` +
    `${pairs.join(", ")}${used.length > 3 ? ", …" : ""}. Check that both count them alike.`;
  return { labels, classes: wanted, notes: [{ level: "warning", text }] };
}

/**
 * One numbering for the labels of several files, each of which may have names of its own: classes of the same name
 * become one. They stand in the order in which they first come, sorted where the names of every file are; numbers of a
 * file without names are those of this order.
 *
 * @param reader Who asks, for messages.
 * @param parts The files, in the order of the pictures.
 * @param wanted The classes by label; left out: all that there are.
 * @throws Error If a label has no class, or a picture is of a class that is not wanted.
 */
export function mergeLabels(
  reader: string,
  parts: readonly LabelledPart[],
  wanted: readonly string[] | undefined,
): AlignedLabels {
  const merged = new Int32Array(parts.reduce((sum, { labels }) => sum + labels.length, 0));
  const lists = [...new Set(parts.flatMap(({ names }) => (names === null ? [] : [names])))];
  const [first] = lists;
  const all = first === undefined || lists.every((names) => isSame(names, first)) ? first : union(lists);
  const noted = new Map<string, DatasetNote>();
  let start = 0;
  for (const { source, labels, names } of parts) {
    const own = { labels, classes: classesFor(reader, source, labels, names ?? undefined) };
    const aligned = alignLabels(reader, source, own, all);
    merged.set(aligned.labels, start);
    start += labels.length;
    for (const note of aligned.notes) noted.set(note.text.slice(source.length), note);
  }
  const { source } = parts[0]!;
  const anyLabel = merged.some((label) => label >= 0);
  const classes = anyLabel ? classesFor(reader, source, merged, all) : [];
  const aligned = alignLabels(reader, source, { labels: merged, classes }, wanted);
  return { ...aligned, notes: [...noted.values(), ...aligned.notes] };
}

function union(lists: readonly (readonly string[])[]): readonly string[] {
  const names = new Map(lists.flat().map((name) => [className(name), name]));
  const all = [...names.values()];
  return lists.every((list) => isSame(list, sortNames(list))) ? sortNames(all) : all;
}

/**
 * Labels that are given as texts: whole numbers, also written as `5.0`, or names of classes.
 *
 * @param reader Who asks, for messages.
 * @param source The file that the labels came from.
 * @param texts null: no label; a negative number is none either.
 * @param wanted The classes by label; left out: the names, sorted, or `"0"`, `"1"`, … where all are numbers.
 * @throws Error If a label is none of the wanted classes.
 */
export function labelsOfTexts(
  reader: string,
  source: string,
  texts: readonly (string | null)[],
  wanted: readonly string[] | undefined,
): AlignedLabels {
  const names = new Map<string, string>();
  for (const text of texts) if (text !== null && !names.has(text)) names.set(text, className(text));
  // "5.0" is 5: pandas makes floats of a column in which a label is missing.
  if ([...names.values()].every((name) => /^-?\d{1,9}(\.0*)?$/.test(name))) {
    const labels = Int32Array.from(texts, (text) => Math.max(-1, text === null ? -1 : Number(text)));
    return alignLabels(reader, source, { labels, classes: classesFor(reader, source, labels) }, wanted);
  }
  const classes = sortNames(new Set(names.values()));
  const byName = new Map(classes.map((name, label) => [name, label]));
  const labels = Int32Array.from(texts, (text) => (text === null ? -1 : byName.get(names.get(text)!)!));
  return alignLabels(reader, source, { labels, classes }, wanted);
}
