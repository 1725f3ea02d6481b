import { setImmediate } from "node:timers/promises";
import { pictureExtensions } from "./imageFolder.js";
import type { OpenFiles } from "./openFiles.js";
import type { ShardIndex } from "./shardIndex.js";
import { readTarMembers, type TarMember } from "./tarMembers.js";

/** Which files of a sample hold its label. */
export type WebDatasetLabels = "cls" | "json" | "txt";

/** What of a shard is indexed. */
export interface ShardSettings {
  /** Ending of the pictures, lower case, without the first dot; null: any that pictures have. */
  readonly picture: string | null;
  /** Where labels are; null: nowhere; "any": the first of `cls`, `json`, `txt` that holds one. */
  readonly labels: WebDatasetLabels | "any" | null;
}

/** Labels are short; what is longer is something else. */
const mostLabelBytes = 1 << 20;
const longestName = 256;
/** Names of the JSON field that holds the class. */
const jsonFields = ["label", "cls", "class", "class_name", "target"];
/** More names than classes anywhere: then the texts are captions. */
const mostLabelNames = 1 << 16;
const samplesAPause = 2000;

/** An array of numbers that grows. */
class Column<Numbers extends Uint32Array | Int32Array> {
  #numbers: Numbers;
  #length = 0;
  readonly #make: new (
    length: number,
  ) => Numbers;

  constructor(make: new (length: number) => Numbers) {
    this.#make = make;
    this.#numbers = new make(1024);
  }

  push(value: number): void {
    if (this.#length === this.#numbers.length) {
      const larger = new this.#make(2 * this.#length);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#numbers[this.#length++] = value;
  }

  take(): Numbers {
    return this.#numbers.slice(0, this.#length) as Numbers;
  }
}

/** Bytes that grow. */
class Bytes {
  #bytes = Buffer.alloc(1 << 16);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  write(text: string): void {
    const needed = this.#length + 3 * text.length;
    if (needed > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(needed, 2 * this.#bytes.length));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#length += this.#bytes.write(text, this.#length);
  }

  take(): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(0, this.#length));
  }
}

interface Sample {
  readonly key: string;
  picture: TarMember | null;
  /** By the file that it came from. */
  readonly labels: Map<WebDatasetLabels, number | string>;
}

/**
 * Reads the headers of a shard. Files that lie one behind another and whose paths agree up to the first dot of the file's name are one sample.
 *
 * @throws Error (rejects) If the archive is damaged.
 */
export async function indexShard(
  files: OpenFiles,
  path: string,
  size: number,
  settings: ShardSettings,
  signal?: AbortSignal,
): Promise<ShardIndex> {
  const blocks = new Column(Uint32Array);
  const sizes = new Column(Uint32Array);
  const labels = new Column(Int32Array);
  const nameEnds = new Column(Uint32Array);
  const names = new Bytes();
  const labelNames = new Map<string, number>();
  const endings = new Set(
    settings.picture === null ? pictureExtensions.map((ending) => ending.slice(1)) : [settings.picture],
  );
  let sample: Sample | null = null;
  let visited = 0;

  const labelOf = (value: number | string | undefined): number => {
    if (value === undefined) return -1;
    if (typeof value === "number") return value;
    const number = labelNames.get(value) ?? labelNames.size;
    labelNames.set(value, number);
    if (labelNames.size > mostLabelNames) {
      throw new Error(
        `webDataset: ${path} holds more than ${mostLabelNames} different class names, e.g. ${JSON.stringify(value)}. If they are captions, set labels: null.`,
      );
    }
    return -2 - number;
  };
  const flush = (): void => {
    if (sample?.picture != null) {
      const found = sample.labels;
      const { position, size: bytes, name } = sample.picture;
      blocks.push(position / 512);
      sizes.push(bytes);
      labels.push(labelOf(found.get("cls") ?? found.get("json") ?? found.get("txt")));
      names.write(name);
      nameEnds.push(names.length);
    }
    sample = null;
  };

  await readTarMembers(files, path, size, async (member, content) => {
    if (++visited % samplesAPause === 0) {
      signal?.throwIfAborted();
      await setImmediate();
    }
    const slash = member.name.lastIndexOf("/");
    const dot = member.name.indexOf(".", slash + 1);
    if (dot <= slash + 1) return; // hidden, or without an ending
    const key = member.name.slice(0, dot);
    const ending = member.name.slice(dot + 1).toLowerCase();
    if (sample?.key !== key) {
      flush();
      sample = { key, picture: null, labels: new Map() };
    }
    if (endings.has(ending)) {
      if (member.size >= 2 ** 32) {
        throw new Error(
          `webDataset: ${member.name} of ${path} has ${member.size} bytes; expected less than 4 GiB.`,
        );
      }
      sample.picture ??= member;
    } else if (isLabel(ending) && (settings.labels === "any" || settings.labels === ending)) {
      if (member.size > mostLabelBytes) return;
      const value = parseLabel(ending, (await content()).toString("utf8"), settings.labels === "txt");
      if (value !== null) sample.labels.set(ending, value);
    }
  });
  flush();
  return {
    blocks: blocks.take(),
    sizes: sizes.take(),
    labels: labels.take(),
    nameEnds: nameEnds.take(),
    names: names.take(),
    labelNames: [...labelNames.keys()],
  };
}

function isLabel(ending: string): ending is WebDatasetLabels {
  return ending === "cls" || ending === "json" || ending === "txt";
}

/** A class by number or by name; null if the text is none. A `.txt` is mostly a caption, so that it has to be a number unless it was asked for. */
function parseLabel(kind: WebDatasetLabels, text: string, anyText: boolean): number | string | null {
  if (kind === "json") {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return null;
    }
    if (typeof value === "object" && value !== null) {
      const record = value as Record<string, unknown>;
      const field = jsonFields.find(
        (name) => typeof record[name] === "number" || typeof record[name] === "string",
      );
      value = field === undefined ? null : record[field];
    }
    if (typeof value === "number") return isClassNumber(value) ? value : null;
    return typeof value === "string" ? parseLabel("cls", value, true) : null;
  }
  const trimmed = text.trim();
  if (/^\d{1,9}$/.test(trimmed)) return Number(trimmed);
  if (kind === "txt" && !anyText) return null;
  return trimmed === "" || trimmed.length > longestName ? null : trimmed;
}

function isClassNumber(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < 1e9;
}
