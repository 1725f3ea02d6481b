import { className, type LabelledPart, listNames } from "./labels.js";
import { lastOf } from "./sampleEndings.js";
import type { ShardIndex } from "./shardIndex.js";
import { sortNames } from "./sortNames.js";
import { parseJson } from "./textFile.js";

/** What files of labels end in. */
export type WebDatasetLabels = "cls" | "json" | "txt";

const longestName = 256;
/** Names of the JSON field that holds the class. */
const jsonFields = ["label", "cls", "class", "class_name", "target"];

/** Which labels are asked for. */
export interface WantedLabels {
  /** The field of a JSON file; null: one of the usual names. */
  readonly field: string | null;
  /** Whether a file that holds text is a label by being asked for. */
  readonly anyText: boolean;
  isEnding(ending: string, last: string): boolean;
}

/** What the setting `labels` asks for: files by their ending, or else a field of the JSON files. */
export function wantedLabels(labels: string | null): WantedLabels {
  const isAny = labels === "any";
  const isEnding = isAny || labels === null || isLabel(lastOf(labels));
  return {
    field: isEnding ? null : labels,
    anyText: !isAny,
    isEnding: (ending, last) => isAny || labels === ending || labels === last,
  };
}

export function isLabel(ending: string): ending is WebDatasetLabels {
  return ending === "cls" || ending === "json" || ending === "txt";
}

/**
 * A class by number or by name; null if the text is none. A `.txt` is mostly a caption, so that it has to be a number
 * unless it was asked for.
 */
export function parseLabel(
  kind: WebDatasetLabels,
  text: string,
  { field: given, anyText }: Pick<WantedLabels, "field" | "anyText">,
): number | string | null {
  if (kind === "json") {
    let value: unknown;
    try {
      value = parseJson(text);
    } catch {
      return null;
    }
    if (typeof value === "object" && value !== null) {
      const record = value as Record<string, unknown>;
      const field = (given === null ? jsonFields : [given]).find(
        (name) => typeof record[name] === "number" || typeof record[name] === "string",
      );
      value = field === undefined ? null : record[field];
    }
    if (typeof value === "number") return isClassNumber(value) ? value : null;
    return typeof value === "string" ? parseLabel("cls", value, { field: null, anyText: true }) : null;
  }
  const trimmed = text.trim();
  if (/^\d{1,9}$/.test(trimmed)) return Number(trimmed);
  if (kind === "txt" && !anyText) return null;
  return trimmed === "" || trimmed.length > longestName ? null : trimmed;
}

function isClassNumber(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < 1e9;
}

/**
 * The labels of a shard's pictures, with the names that stand in it or beside it.
 *
 * @param source The shard, for messages.
 * @param known The names beside it; null without.
 * @throws Error If a class is none of the known ones.
 */
export function namedLabels(
  source: string,
  { index, rows }: { readonly index: ShardIndex; readonly rows: Uint32Array },
  known: readonly string[] | null,
): LabelledPart {
  const { labelNames } = index.facts;
  const own = Int32Array.from(rows, (row) => index.labels[row]!);
  if (own.every((label) => label >= -1)) return { source, labels: own, names: known };
  // Beside names, a number without a list that it counts in is the name of a class too.
  const textOf = (label: number) => (label < -1 ? labelNames[-2 - label]! : String(label));
  const present = [...new Set(own)].filter((label) => label < -1 || (known === null && label >= 0));
  const names = known ?? sortNames(new Set(present.map((label) => className(textOf(label)))));
  const byName = new Map(names.map((name, label) => [className(name), label]));
  const numbers = new Map(
    present.map((label) => {
      const number = byName.get(className(textOf(label)));
      if (number !== undefined) return [label, number];
      throw new Error(
        `webDataset: ${source} holds the class ${JSON.stringify(textOf(label))}, but the classes are ` +
          `${listNames(names)}. Give all classes in classes.txt, or labels: null.`,
      );
    }),
  );
  return { source, labels: own.map((label) => numbers.get(label) ?? label), names };
}
