import type { DatasetNote } from "../imageDataset.js";
import { shownName } from "../shownName.js";

/**
 * What a COCO file calls a picture, a category or an annotation: a number, also where it is written as a text; or a
 * text that is none.
 */
export type CocoId = number | string;

/** What an object may be. */
export interface CocoCategory {
  /** Its number in the file; these have gaps. */
  readonly id: CocoId;
  /** E.g. `"bicycle"`. */
  readonly name: string;
  /** E.g. `"vehicle"`; empty where the file has none. */
  readonly supercategory: string;
}

/** A mask in runs of pixels outside and inside, column by column from the top left; the first run is outside. */
export interface RunLengths {
  /** Height and width in pixels. */
  readonly size: readonly [number, number];
  /** Lengths of the runs; or the same packed into a text, as pycocotools writes it. */
  readonly counts: readonly number[] | string;
}

/** An object on a picture. */
export interface CocoAnnotation {
  /** Its number in the file. */
  readonly id: CocoId;
  /** What it is: the `id` of a category. */
  readonly categoryId: CocoId;
  /** x and y of the top left corner, width, height, in pixels; the last two are above 0. */
  readonly box: readonly [number, number, number, number];
  /** Pixels inside. */
  readonly area: number;
  /** Whether it is a crowd, of which single members are not drawn. */
  readonly isCrowd: boolean;
  /** Polygons x₀, y₀, x₁, y₁, … in pixels (several: parts of one object), or a mask; null: only the box is known. */
  readonly segmentation: readonly (readonly number[])[] | RunLengths | null;
}

/** A picture of the file. */
export interface CocoImage {
  /** Its number in the file; null: it has none, or other pictures have the same. */
  readonly id: CocoId | null;
  /** Its path in the folder of pictures, with `/` between names. */
  readonly fileName: string;
}

/** What a COCO file says. */
export interface CocoFacts {
  readonly categories: readonly CocoCategory[];
  readonly images: readonly CocoImage[];
  /** By picture. */
  readonly annotations: readonly (readonly CocoAnnotation[])[];
  /** What was left out. */
  readonly notes: readonly DatasetNote[];
}

type Fields = Readonly<Record<string, unknown>>;

/** What was found, in a few characters. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return shownName(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A finite number, also one that is written as a text; null: it is none. */
function numberOf(value: unknown): number | null {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : null;
}

/** `7` and `"7"` are the same; null: it is no id. */
function idOf(value: unknown): CocoId | null {
  if (typeof value === "string" && value !== "") {
    const number = Number(value);
    return String(number) === value && Number.isFinite(number) ? number : value;
  }
  return numberOf(value);
}

/** Where files name their pictures; LVIS has the address only. */
const nameFields = ["file_name", "filename", "path", "coco_url", "url"];

/**
 * The path of a picture; null: none is given. Of a web address the last two names count (`train2017/000000391895.jpg`);
 * Windows' separators become `/`.
 */
function fileNameOf(image: Fields): string | null {
  for (const field of nameFields) {
    const value = image[field];
    if (typeof value !== "string" || value === "" || value.includes("\0")) continue;
    if (!/^[a-z][a-z\d+.-]+:\/\//i.test(value)) return value.replaceAll("\\", "/");
    const names = value
      .replace(/[?#].*$/s, "")
      .split("/")
      .slice(3)
      .filter(Boolean)
      .slice(-2);
    if (names.length > 0) return names.join("/");
  }
  return null;
}

/** What was left out of a file, by reason. */
class LeftOut {
  readonly #reasons = new Map<string, { count: number; example: string; level: DatasetNote["level"] }>();

  add(reason: string, example: string, level: DatasetNote["level"] = "info"): void {
    const seen = this.#reasons.get(reason);
    if (seen === undefined) this.#reasons.set(reason, { count: 1, example, level });
    else seen.count++;
  }

  notes(): DatasetNote[] {
    return [...this.#reasons].map(([reason, { count, example, level }]) => ({
      level,
      text: `${reason}: ${count}, e.g. ${example}`,
    }));
  }
}

/**
 * Takes what is sound of the parsed JSON of a COCO file, and sorts its annotations by picture. Only pictures must be
 * there: what is wrong with anything else is counted in the notes.
 *
 * @param file Name of the file, for messages.
 * @throws Error If there is no list of images, or none of them has a name.
 */
export function parseCoco(file: string, json: unknown): CocoFacts {
  const leftOut = new LeftOut();
  const list = (name: string): [place: number, entry: Fields][] => {
    const value = isFields(json) ? json[name] : undefined;
    const entries: [number, Fields][] = [];
    if (value === undefined || value === null) return entries;
    if (!Array.isArray(value)) leftOut.add(`"${name}" is no list, and left out`, shown(value));
    else {
      for (const [place, entry] of value.entries()) {
        if (isFields(entry)) entries.push([place, entry]);
        else leftOut.add(`left out of "${name}", being no objects`, `${shown(entry)} at place ${place}`);
      }
    }
    return entries;
  };
  const { images, indexById } = parseImages(file, json, list("images"), leftOut);
  const categories = parseCategories(list("categories"), leftOut);
  const known = new Set(categories.map(({ id }) => id));
  const annotations: CocoAnnotation[][] = images.map(() => []);
  for (const [place, entry] of list("annotations")) {
    // Captions have no category and no box.
    if (entry.category_id === undefined && entry.bbox === undefined) continue;
    const what = `annotation ${place}`;
    const index = indexById.get(idOf(entry.image_id) ?? Number.NaN);
    if (index === undefined) {
      leftOut.add(
        "annotations left out whose image is not in the file",
        `${what} of image ${shown(entry.image_id)}`,
      );
      continue;
    }
    const annotation = parseAnnotation(entry, place, known, leftOut);
    if (annotation !== null) annotations[index]!.push(annotation);
  }
  return { categories, images, annotations, notes: leftOut.notes() };
}

/** The pictures by their names, each once, and where the ids that stand for one picture lead. */
function parseImages(
  file: string,
  json: unknown,
  entries: readonly (readonly [place: number, entry: Fields])[],
  leftOut: LeftOut,
): { images: readonly CocoImage[]; indexById: ReadonlyMap<CocoId, number> } {
  const images: CocoImage[] = [];
  const indexById = new Map<CocoId, number>();
  const indexByName = new Map<string, number>();
  const ambiguous = new Set<CocoId>();
  for (const [place, entry] of entries) {
    const fileName = fileNameOf(entry);
    if (fileName === null) {
      leftOut.add("images left out that have no file_name", `image ${place}, ${shown(entry)}`, "warning");
      continue;
    }
    const id = idOf(entry.id);
    const index = indexByName.get(fileName) ?? images.length;
    if (index === images.length) {
      indexByName.set(fileName, index);
      images.push({ id, fileName });
    } else leftOut.add("images that are there several times, and taken once", shown(fileName));
    if (id === null) continue;
    if ((indexById.get(id) ?? index) === index) indexById.set(id, index);
    else {
      ambiguous.add(id);
      leftOut.add(
        "images that share an id, and so have no annotations",
        `${shown(fileName)} with ${shown(id)}`,
      );
    }
  }
  if (images.length === 0) {
    const found = isFields(json) ? json.images : undefined;
    throw new Error(
      `cocoDataset: ${file}: "images" is ${shown(found)}; expected a list of objects with a "file_name", at ` +
        "least one. See https://cocodataset.org/#format-data.",
    );
  }
  for (const id of ambiguous) indexById.delete(id);
  return {
    images: images.map((image) =>
      image.id !== null && ambiguous.has(image.id) ? { ...image, id: null } : image,
    ),
    indexById,
  };
}

function parseCategories(
  entries: readonly (readonly [place: number, entry: Fields])[],
  leftOut: LeftOut,
): readonly CocoCategory[] {
  const categories = new Map<CocoId, CocoCategory>();
  for (const [place, entry] of entries) {
    const id = idOf(entry.id);
    const { name, supercategory } = entry;
    if (id === null || categories.has(id) || (typeof name !== "string" && typeof name !== "number")) {
      leftOut.add(
        "categories left out that have no id of their own or no name",
        `category ${place}, ${shown(entry)}`,
      );
      continue;
    }
    categories.set(id, {
      id,
      name: String(name),
      supercategory: typeof supercategory === "string" ? supercategory : "",
    });
  }
  return [...categories.values()];
}

/** An annotation; null: it has no sound box, or a category that the file does not know (where it knows any). */
function parseAnnotation(
  entry: Fields,
  place: number,
  known: ReadonlySet<CocoId>,
  leftOut: LeftOut,
): CocoAnnotation | null {
  const what = `annotation ${place}`;
  const categoryId = idOf(entry.category_id);
  if (categoryId === null || (known.size > 0 && !known.has(categoryId))) {
    leftOut.add(
      "annotations left out whose category is not in the file",
      `${what} of category ${shown(entry.category_id)}`,
    );
    return null;
  }
  const box = Array.isArray(entry.bbox) ? entry.bbox.map(numberOf) : [];
  const [x = null, y = null, width = null, height = null] = box;
  const isBox = box.length === 4 && x !== null && y !== null && width !== null && height !== null;
  if (!isBox || width <= 0 || height <= 0) {
    leftOut.add(
      "annotations left out whose bbox is not [x, y, width, height] with sides above 0",
      `${what} with ${shown(entry.bbox)}`,
    );
    return null;
  }
  const segmentation = segmentationOf(entry.segmentation);
  if (segmentation === undefined) {
    leftOut.add(
      "annotations without their segmentation, which is neither polygons nor runs",
      `${what} with ${shown(entry.segmentation)}`,
    );
  }
  const { iscrowd } = entry;
  return {
    id: idOf(entry.id) ?? place,
    categoryId,
    box: [x, y, width, height],
    area: numberOf(entry.area) ?? width * height,
    isCrowd: iscrowd === true || numberOf(iscrowd) === 1,
    segmentation: segmentation ?? null,
  };
}

/** Polygons or runs; null: there are none; undefined: what is there makes no sense. */
function segmentationOf(value: unknown): CocoAnnotation["segmentation"] | undefined {
  if (value === undefined || value === null) return null;
  if (Array.isArray(value)) {
    const parts = value.map((part) => (Array.isArray(part) ? part.map(numberOf) : [null]));
    const isSound = parts.every((part) => part.length % 2 === 0 && part.every((number) => number !== null));
    if (!isSound) return undefined;
    return parts.length === 0 ? null : (parts as number[][]);
  }
  if (!isFields(value)) return undefined;
  const { size, counts } = value;
  const isSize =
    Array.isArray(size) && size.length === 2 && size.every((side) => Number.isInteger(side) && side >= 0);
  const isCounts =
    typeof counts === "string" ||
    (Array.isArray(counts) && counts.every((count) => Number.isInteger(count) && count >= 0));
  if (!isSize || !isCounts) return undefined;
  return { size: size as [number, number], counts: counts as number[] | string };
}
