/** What an object may be. */
export interface CocoCategory {
  /** Its number in the file; these have gaps. */
  readonly id: number;
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
  readonly id: number;
  /** What it is: the `id` of a category. */
  readonly categoryId: number;
  /** x and y of the top left corner, width, height, in pixels. */
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
  /** Its number in the file. */
  readonly id: number;
  /** Its path in the folder of pictures. */
  readonly fileName: string;
}

/** What a COCO file says. */
export interface CocoFacts {
  readonly categories: readonly CocoCategory[];
  readonly images: readonly CocoImage[];
  /** By picture. */
  readonly annotations: readonly (readonly CocoAnnotation[])[];
}

type Fields = Readonly<Record<string, unknown>>;

const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);

/** What was found, in a few characters. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/**
 * Checks the parsed JSON of a COCO file and sorts its annotations by picture.
 *
 * @param file Name of the file, for messages.
 * @throws Error If something is missing, of another type, or names what is not there.
 */
export function parseCoco(file: string, json: unknown): CocoFacts {
  const fail = (what: string, expected: string): Error =>
    new Error(
      `cocoDataset: ${file}: ${what}; expected ${expected}. See https://cocodataset.org/#format-data.`,
    );
  const list = (name: string, optional: boolean): readonly Fields[] => {
    const value = (json as Fields | null)?.[name];
    if (value === undefined && optional) return [];
    if (!Array.isArray(value)) throw fail(`"${name}" is ${shown(value)}`, "a list");
    const odd = value.findIndex((entry) => typeof entry !== "object" || entry === null);
    if (odd >= 0) throw fail(`"${name}" ${odd} is ${shown(value[odd])}`, "an object");
    return value as Fields[];
  };
  const text = (what: string, name: string, value: unknown): string => {
    if (typeof value === "string" && value !== "") return value;
    throw fail(`"${name}" of ${what} is ${shown(value)}`, "a text");
  };
  const number = (what: string, name: string, value: unknown): number => {
    if (isNumber(value)) return value;
    throw fail(`"${name}" of ${what} is ${shown(value)}`, "a number");
  };

  const categories = list("categories", true).map((entry, place): CocoCategory => {
    const what = `category ${place}`;
    return {
      id: number(what, "id", entry.id),
      name: text(what, "name", entry.name),
      supercategory: typeof entry.supercategory === "string" ? entry.supercategory : "",
    };
  });
  const known = new Set(categories.map(({ id }) => id));
  const images = list("images", false).map((entry, place): CocoImage => {
    const what = `image ${place}`;
    const fileName = text(what, "file_name", entry.file_name);
    if (fileName.includes("\0")) throw fail(`"file_name" of ${what} is ${shown(fileName)}`, "a path");
    return { id: number(what, "id", entry.id), fileName };
  });
  if (images.length === 0) throw fail('"images" is empty', "at least one picture");
  const byId = new Map(images.map(({ id }, index) => [id, index]));
  if (byId.size < images.length) throw fail("two images have the same id", "one each");

  const annotations: CocoAnnotation[][] = images.map(() => []);
  for (const [place, entry] of list("annotations", true).entries()) {
    const what = `annotation ${place}`;
    const index = byId.get(entry.image_id as number);
    if (index === undefined)
      throw fail(`${what} belongs to image ${shown(entry.image_id)}`, "the id of an image");
    // Captions have no category and no box.
    if (entry.category_id === undefined && entry.bbox === undefined) continue;
    if (!known.has(entry.category_id as number)) {
      throw fail(
        `${what} has the category ${shown(entry.category_id)}`,
        `one of ${categories.length} categories`,
      );
    }
    const { bbox } = entry;
    if (
      !(Array.isArray(bbox) && bbox.length === 4 && bbox.every(isNumber) && bbox[2]! >= 0 && bbox[3]! >= 0)
    ) {
      throw fail(`"bbox" of ${what} is ${shown(bbox)}`, "[x, y, width, height]");
    }
    const box = bbox as [number, number, number, number];
    annotations[index]!.push({
      id: isNumber(entry.id) ? entry.id : place,
      categoryId: entry.category_id as number,
      box,
      area: isNumber(entry.area) ? entry.area : box[2] * box[3],
      isCrowd: entry.iscrowd === 1 || entry.iscrowd === true,
      segmentation: segmentationOf(entry.segmentation, () =>
        fail(
          `"segmentation" of ${what} is ${shown(entry.segmentation)}`,
          "polygons [[x, y, …], …] or {size: [height, width], counts}",
        ),
      ),
    });
  }
  return { categories, images, annotations };
}

function segmentationOf(value: unknown, fail: () => Error): CocoAnnotation["segmentation"] {
  if (value === undefined || value === null) return null;
  if (Array.isArray(value)) {
    const isPolygon = (part: unknown) => Array.isArray(part) && part.length % 2 === 0 && part.every(isNumber);
    if (!value.every(isPolygon)) throw fail();
    return value.length === 0 ? null : (value as number[][]);
  }
  const { size, counts } = value as Fields;
  const isSize =
    Array.isArray(size) && size.length === 2 && size.every((side) => Number.isInteger(side) && side >= 0);
  const isCounts =
    typeof counts === "string" ||
    (Array.isArray(counts) && counts.every((count) => Number.isInteger(count) && count >= 0));
  if (!isSize || !isCounts) throw fail();
  return { size: size as [number, number], counts: counts as number[] | string };
}
