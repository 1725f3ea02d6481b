import { PictureError } from "../decoding/pictureError.js";
import type { StoredValues, ValueRange } from "../decoding/storedValues.js";
import { chooseRange, pooled } from "../decoding/valueRange.js";
import type { DatasetNote, ImageDataset } from "../imageDataset.js";
import { evenlySpaced } from "./evenlySpaced.js";

/** Pictures that tell whether some of a data set have more than 8 bits, and as many as tell which values they hold. */
const [firstLook, secondLook] = [16, 64];
/** Groups that are looked into: of a shard or a row group, reading one picture may cost as much as reading many. */
const mostGroups = 8;
/** What lies outside of a range that is given is told from this share of the values on. */
const toldShare = 0.005;

/** Values that fill less of the range that is given make pictures of a few grays. */
const littleFilled = 1 / 32;

/** Up to `most` pictures, evenly spaced; where there are groups, the first ones of some groups. */
function sample({ length, groups }: ImageDataset, most: number): number[] {
  if (groups === undefined) return evenlySpaced(length, most);
  return evenlySpaced(groups.length, mostGroups).flatMap((group) => {
    const size = (groups[group + 1] ?? length) - groups[group]!;
    return Array.from({ length: Math.min(size, most / mostGroups) }, (_, index) => groups[group]! + index);
  });
}

/** Pictures of more than 8 bits among those that were looked at. */
interface Look {
  readonly looked: number;
  readonly found: readonly StoredValues[];
}

async function lookAt(dataset: ImageDataset, most: number): Promise<Look> {
  const indices = sample(dataset, most);
  const found: StoredValues[] = [];
  for (const index of indices) {
    const values = await dataset.values!(index).catch((error: unknown) => {
      if (error instanceof PictureError) return null;
      throw error;
    });
    if (values !== null && values.quantiles.length > 0) found.push(values);
  }
  return { looked: indices.length, found };
}

const shown = (value: number) =>
  Number(value.toPrecision(6)).toLocaleString("en", { maximumSignificantDigits: 6 });

/**
 * Finds the one range of values that all pictures of a data set are shown with, where some have more than 8 bits:
 * measured on some of them, evenly spaced, so that brightness compares between pictures.
 *
 * @param dataset The pictures.
 * @param wanted What is asked for.
 * @returns The range, and what people should know of it; nulls where the pictures that were looked at have 8 bits.
 */
export async function settleValueRange(
  dataset: ImageDataset,
  wanted: ValueRange,
): Promise<{ range: ValueRange | null; note: DatasetNote | null }> {
  const first = dataset.values === undefined ? { looked: 0, found: [] } : await lookAt(dataset, firstLook);
  // What says itself what is white needs no range but one that is given.
  const isOpen = ({ white }: StoredValues) => wanted !== "auto" || white === undefined;
  if (!first.found.some(isOpen)) {
    const text = "the pictures have 8 bits, so that a value range changes nothing";
    return { range: null, note: wanted === "auto" ? null : { level: "info", text } };
  }
  const { looked, found } = dataset.length > first.looked ? await lookAt(dataset, secondLook) : first;
  const open = found.filter(isOpen);
  const values = pooled(open);
  const isMixed = open.some(({ kind }) => kind !== values.kind);
  const range =
    typeof wanted !== "string" || wanted === "file" ? wanted : isMixed ? "file" : chooseRange(values, wanted);
  const [least, greatest] = [values.quantiles[0]!, values.quantiles.at(-1)!];
  const gaps = open.filter(({ hasGaps }) => hasGaps).length;
  const kind = isMixed ? "whole numbers and floats" : values.kind === "float" ? "floats" : "whole numbers";
  const held = `${open.length} of ${looked} pictures looked at hold ${kind} from ${shown(least)} to ${shown(greatest)}`;
  const outside = typeof range === "string" ? 0 : shareOutside(values.quantiles, range);
  const filled = typeof range === "string" ? 1 : (greatest - least) / (range[1] - range[0]);
  const warned = (isMixed && wanted !== "file") || outside >= toldShare || filled < littleFilled;
  const sentences = [
    typeof range === "string"
      ? `${held}; each picture is shown from its own least to its own greatest value, so that brightness does not ` +
        "compare between them"
      : `${held}; ${shown(range[0])} is black and ${shown(range[1])} white in all ` +
        `pictures${outside > 0 ? `, and ${shown(100 * outside)} % of the values lie outside and are cut off` : ""}`,
    ...(gaps > 0 ? [`NaN and infinite values, in ${gaps} of them, are black or white`] : []),
    "another range is given by valueRange (--value-range)",
  ];
  return { range, note: { level: warned ? "warning" : "info", text: sentences.join("; ") } };
}

function shareOutside(sorted: Float64Array, [black, white]: readonly [number, number]): number {
  const below = sorted.findIndex((value) => value >= black);
  const above = sorted.findLastIndex((value) => value <= white);
  if (below < 0 || above < 0) return 1;
  return 1 - (above - below + 1) / sorted.length;
}
