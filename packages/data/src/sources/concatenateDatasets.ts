import { createHash } from "node:crypto";
import type { NdArray } from "ndarray";
import {
  checkIndex,
  type DatasetIdentity,
  type DatasetNote,
  type ImageDataset,
  type ImageRequest,
} from "../imageDataset.js";
import { commonFolder } from "./commonFolder.js";
import { combineIdentities } from "./datasetIdentity.js";
import { forwardedMembers, type PicturePlace } from "./forwardedMembers.js";
import { className } from "./labels.js";
import { searchSorted, startsOf } from "./searchSorted.js";

class Concatenation implements ImageDataset {
  readonly length: number;
  readonly classes: readonly string[];
  readonly channels?: number;
  readonly groups?: Int32Array;
  readonly root?: string;
  readonly notes: readonly DatasetNote[];
  readonly size?: NonNullable<ImageDataset["size"]>;
  readonly stored?: NonNullable<ImageDataset["stored"]>;
  readonly storedLength?: NonNullable<ImageDataset["storedLength"]>;
  readonly values?: NonNullable<ImageDataset["values"]>;
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
    Object.assign(
      this,
      forwardedMembers(parts, (what, index) => this.#find(what, index)),
    );
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

  /** Where a picture is, and in which part. */
  #find(what: string, index: number): PicturePlace & { readonly part: number } {
    checkIndex(what, index, this.length);
    const part = searchSorted(this.#starts, index);
    return { part, dataset: this.#parts[part]!, index: index - this.#starts[part]! };
  }

  path(index: number): string {
    const place = this.#find("path", index);
    return place.dataset.path(place.index);
  }

  label(index: number): number {
    const place = this.#find("label", index);
    const label = place.dataset.label(place.index);
    return label < 0 ? -1 : this.#labels[place.part]![label]!;
  }

  image(index: number, request?: ImageRequest): Promise<NdArray<Uint8Array>> {
    const place = this.#find("image", index);
    return place.dataset.image(place.index, request);
  }

  async close(): Promise<void> {
    await Promise.all([...new Set(this.#parts)].map((part) => part.close?.()));
  }
}

/**
 * The groups of all parts; a part without any is cut in stretches as long as a group of the others is on the average,
 * so that the loader's mixing weighs all parts alike.
 */
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
 * The pictures of several data sets, one after another. Classes with the same name become one, in the order in which
 * the names first come; groups, fingerprints and identities follow; closing it closes all of them.
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
      `concatenateDatasets: data set 0 has ${channels[0]} channels and data set ${other} has ` +
        `${channels[other]}; expected the same. Open both with the same number of channels.`,
    );
  }
  return new Concatenation(datasets);
}
