import { basename, dirname, join, relative } from "node:path";
import { shownName } from "../shownName.js";
import { cifarPart } from "./cifarNames.js";
import { deepestLevel, holdsPictureFiles, isFolder, namesIn } from "./folderNames.js";
import { type ContainerFormat, containerFormats, containerNames, type DatasetFormat } from "./formatNames.js";
import {
  type ChosenParts,
  chooseParts,
  type DatasetUse,
  type PartEntry,
  partOf,
  wholePart,
} from "./parts.js";
import { isPictureName } from "./pictureFormats.js";

/** The containers of a format in a folder and in those inside it. */
function containersIn(folder: string, format: ContainerFormat): PartEntry[] {
  const found: string[] = [];
  const visit = (inside: string, depth: number): void => {
    const within = (name: string) => (inside === "" ? name : `${inside}/${name}`);
    const names = namesIn(join(folder, inside));
    const folders = names.filter((name) => isFolder(join(folder, within(name))));
    const files = names.filter((name) => !folders.includes(name));
    found.push(...containerNames(format, files, folders).map(within));
    if (depth < deepestLevel) for (const name of folders) visit(within(name), depth + 1);
  };
  visit("", 0);
  // torchvision unpacks MNIST's files and leaves the packed ones beside them.
  const single =
    format === "idx"
      ? found.filter((name) => !found.includes(name.replace(/\.gz$/, "")) || !name.endsWith(".gz"))
      : found;
  return single.map((relative) => {
    const path = join(folder, relative);
    if (format !== "cifar") return { path, ...partOf(relative) };
    const part = cifarPart(basename(relative));
    return { path, part, name: part };
  });
}

/** Whether there is a picture in a folder, on one of its first levels: links may lead round in circles. */
export function holdsPictures(folder: string, depth = 0): boolean {
  const names = namesIn(folder);
  if (names.some((name) => isPictureName(name))) return true;
  return (
    depth < 2 * deepestLevel &&
    names.some((name) => isFolder(join(folder, name)) && holdsPictures(join(folder, name), depth + 1))
  );
}

/**
 * The folders of a folder's parts, where it is divided in such (`train` and `val` of class folders or of pictures, also
 * inside of a single folder); empty: it is not. One that holds other folders of pictures too is divided if two parts at
 * least are called by their whole names: a class may be called train.
 */
export function pictureParts(folder: string, depth = 0): PartEntry[] {
  const names = namesIn(folder);
  if (names.some((name) => isPictureName(name))) return [];
  const entries = names
    .map((name): PartEntry => ({ path: join(folder, name), ...partOf(name) }))
    .filter(({ path }) => isFolder(path));
  const named = entries.filter(({ part, path }) => part !== null && holdsPictures(path));
  if (named.length === 0) {
    const [only, second] = firstTwo(entries, ({ path }) => holdsPictures(path));
    return only !== undefined && second === undefined && depth < deepestLevel
      ? pictureParts(only.path, depth + 1)
      : [];
  }
  const others = entries.filter(({ part, path }) => part === null && holdsPictures(path));
  const whole = new Set(named.map(({ path }) => wholePart(basename(path))).filter((part) => part !== null));
  const distinct = new Set(named.map(({ part }) => part)).size;
  const isDivided = others.length === 0 ? whole.size > 0 || distinct > 1 : whole.size > 1;
  if (!isDivided) return [];
  return [
    ...named.map((entry) => ({ ...entry, path: innermost(entry), name: basename(entry.path) })),
    ...others.map((entry) => ({ ...entry, part: basename(entry.path), name: basename(entry.path) })),
  ].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The first two that fit; the rest, maybe a thousand folders of classes, is not looked at. */
function firstTwo<Item>(items: readonly Item[], fits: (item: Item) => boolean): Item[] {
  const found: Item[] = [];
  for (const item of items) {
    if (fits(item)) found.push(item);
    if (found.length === 2) break;
  }
  return found;
}

/** Some archives have the folder of a part twice: `seg_train/seg_train/…`. */
function innermost({ path, part }: PartEntry): string {
  const [only, second] = namesIn(path).filter((name) => isFolder(join(path, name)));
  const isTwice = only !== undefined && second === undefined && partOf(only).part === part;
  return isTwice && !holdsPictureFiles(path) ? join(path, only) : path;
}

/**
 * The files or folders of a path that are opened: those that a split names, else those that suit what the pictures are
 * for.
 *
 * @throws Error If there is no such split, or nothing that suits.
 */
export function chooseFiles(
  path: string,
  format: DatasetFormat,
  split: string | undefined,
  use: DatasetUse,
): ChosenParts {
  const whole = { paths: [path], notes: () => [] };
  if (!isFolder(path)) {
    if (split === undefined || split === "all") return whole;
    throw new Error(
      `openDataset: the split ${split} was asked for, but ${path} is no folder that has several. Leave the ` +
        "split out, or give the folder.",
    );
  }
  if (format === "folder") {
    const parts = pictureParts(path);
    if (split !== undefined && split !== "all" && !parts.some(({ name }) => name === split)) {
      const inside = join(path, split);
      if (isFolder(inside)) return { paths: [inside], notes: () => [] };
    }
    const entries = parts.length > 0 ? parts : [{ path, part: null, name: null }];
    return chooseParts(path, entries, split, use, "folders");
  }
  const container = containerFormats.find((each) => each === format);
  const entries = container === undefined ? [] : containersIn(path, container);
  if (entries.length === 0) return whole;
  const chosen = chooseParts(path, entries, split, use, "files");
  const configurations = configurationsOf(path, entries);
  if (configurations.length < 2) return chosen;
  const text =
    `${path}: ${shownName(configurations.join(", "))} each have parts of their own, as the configurations of a data ` +
    "set do, and all of them are taken; for one alone give its folder";
  return { ...chosen, notes: (pictures) => [...chosen.notes(pictures), { level: "warning", text }] };
}

/**
 * The folders in which there are files of several parts each: `small/train.parquet`, `small/test.parquet`, `large/…`.
 */
function configurationsOf(path: string, entries: readonly PartEntry[]): string[] {
  const parts = new Map<string, Set<string>>();
  for (const { path: file, part } of entries) {
    const folder = dirname(file);
    const around = folder !== path && partOf(basename(folder)).part !== null ? dirname(folder) : folder;
    const name = relative(path, around);
    if (part !== null) parts.set(name, (parts.get(name) ?? new Set()).add(part));
  }
  return [...parts].filter(([, { size }]) => size > 1).map(([name]) => name || ".");
}
