import { createHash } from "node:crypto";
import type { NdArray } from "ndarray";
import type { PictureSize } from "../decoding/pictureSize.js";
import {
  checkIndex,
  type DatasetIdentity,
  type DatasetNote,
  type ImageDataset,
  type ImageRequest,
} from "../imageDataset.js";
import { commonFolder } from "./commonFolder.js";
import { combineIdentities } from "./datasetIdentity.js";
import { className } from "./labels.js";
import { searchSorted, startsOf } from "./searchSorted.js";

class Concatenation implements ImageDataset {
  readonly length: number;
  readonly classes: readonly string[];
  readonly channels?: number;
  readonly groups?: Int32Array;
  readonly root?: string;
  readonly notes: readonly DatasetNote[];
  readonly size?: (index: number) => Promise<PictureSize>;
  readonly stored?: (index: number) => Promise<Uint8Array>;
  readonly storedLength?: (index: number) => number;
  readonly fingerprint?: () => Promise<string>;
  readonly identity?: () => Promise<DatasetIdentity>;
  readonly #parts: readonly ImageDataset[];
  /** Where each part begins. */
  readonly #starts: Int32Array;
  /** The label here of each label there, by part. */
  readonly #labels: readonly Int32Array[];

  constructor(parts: readonly ImageDataset[]) {
    this.#parts = parts;
    this.#starts = startsOf(parts.map(({ length }) => length));
    this.length = parts.reduce((sum, { length }) => sum + length, 0);
    const labels = new Map<string, number>();
    const names: string[] = [];
    for (const name of parts.flatMap((part) => part.classes)) {
      const key = className(name);
      if (labels.has(key)) continue;
      labels.set(key, names.length);
      names.push(name);
    }
    this.classes = names;
    this.#labels = parts.map(({ classes }) =>
      Int32Array.from(classes, (name) => labels.get(className(name))!),
    );
    this.notes = parts.flatMap(({ notes = [] }) => notes);
    const [{ channels }] = parts as [ImageDataset];
    if (channels !== undefined) this.channels = channels;
    if (parts.some((part) => part.groups !== undefined)) this.groups = groupsOf(parts, this.#starts);
    const roots = parts.flatMap(({ root }) => (root === undefined ? [] : [root]));
    if (roots.length === parts.length) this.root = commonFolder(roots);
    if (parts.every((part) => part.size !== undefined)) {
      this.size = async (index) => {
        const { part, inside } = this.#find("size", index);
        return parts[part]!.size!(inside);
      };
    }
    if (parts.every((part) => part.stored !== undefined)) {
      this.stored = async (index) => {
        const { part, inside } = this.#find("stored", index);
        return parts[part]!.stored!(inside);
      };
    }
    if (parts.every((part) => part.storedLength !== undefined)) {
      this.storedLength = (index) => {
        const { part, inside } = this.#find("storedLength", index);
        return parts[part]!.storedLength!(inside);
      };
    }
    if (parts.every((part) => part.fingerprint !== undefined)) {
      this.fingerprint = async () => {
        const own = await Promise.all(parts.map((part) => part.fingerprint!()));
        return createHash("sha256")
          .update(JSON.stringify(["concatenate", own]))
          .digest("hex");
      };
    }
    if (parts.every((part) => part.identity !== undefined)) {
      this.identity = async () =>
        combineIdentities(await Promise.all(parts.map((part) => part.identity!())), "concatenate", this);
    }
  }

  /** The part that holds a picture, and the picture's index there. */
  #find(what: string, index: number): { part: number; inside: number } {
    checkIndex(what, index, this.length);
    const part = searchSorted(this.#starts, index);
    return { part, inside: index - this.#starts[part]! };
  }

  path(index: number): string {
    const { part, inside } = this.#find("path", index);
    return this.#parts[part]!.path(inside);
  }

  label(index: number): number {
    const { part, inside } = this.#find("label", index);
    const label = this.#parts[part]!.label(inside);
    return label < 0 ? -1 : this.#labels[part]![label]!;
  }

  image(index: number, request?: ImageRequest): Promise<NdArray<Uint8Array>> {
    const { part, inside } = this.#find("image", index);
    return this.#parts[part]!.image(inside, request);
  }

  async close(): Promise<void> {
    await Promise.all([...new Set(this.#parts)].map((part) => part.close?.()));
  }
}

/** The groups of all parts; a part without any is cut in stretches as long as a group of the others is on the average, so that the loader's mixing weighs all parts alike. */
function groupsOf(parts: readonly ImageDataset[], starts: Int32Array): Int32Array {
  const grouped = parts.filter((part) => part.groups !== undefined);
  const pictures = grouped.reduce((sum, { length }) => sum + length, 0);
  const count = grouped.reduce((sum, { groups }) => sum + groups!.length, 0);
  const stretch = Math.max(1, Math.round(pictures / Math.max(1, count)));
  return Int32Array.from(
    parts.flatMap((part, place) => {
      const own =
        part.groups ??
        Array.from({ length: Math.ceil(part.length / stretch) }, (_, group) => group * stretch);
      return Array.from(own, (start) => starts[place]! + start);
    }),
  );
}

/**
 * The pictures of several data sets, one after another. Classes with the same name become one, in the order in which the names first come; groups, fingerprints and identities follow; closing it
 * closes all of them.
 *
 * @throws TypeError If there is no data set, or they differ in their channels.
 */
export function concatenateDatasets(datasets: readonly ImageDataset[]): ImageDataset {
  if (datasets.length === 0) {
    throw new TypeError("concatenateDatasets: there are no data sets; expected at least one.");
  }
  const channels = datasets.map((dataset) => dataset.channels ?? 3);
  const other = channels.findIndex((count) => count !== channels[0]);
  if (other > 0) {
    throw new TypeError(
      `concatenateDatasets: data set 0 has ${channels[0]} channels and data set ${other} has ${channels[other]}; expected the same. Open both with the same number of channels.`,
    );
  }
  return new Concatenation(datasets);
}
