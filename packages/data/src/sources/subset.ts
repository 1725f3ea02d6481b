import { createHash } from "node:crypto";
import type { NdArray } from "ndarray";
import type { ValueRange } from "../decoding/storedValues.js";
import {
  checkIndex,
  type DatasetIdentity,
  type DatasetNote,
  type ImageDataset,
  type ImageRequest,
} from "../imageDataset.js";
import { combineIdentities } from "./datasetIdentity.js";
import { forwardedMembers } from "./forwardedMembers.js";
import { searchSorted } from "./searchSorted.js";

class Subset implements ImageDataset {
  readonly classes: readonly string[];
  readonly channels?: number;
  readonly groups?: Int32Array;
  readonly root?: string;
  readonly notes?: readonly DatasetNote[];
  readonly size?: NonNullable<ImageDataset["size"]>;
  readonly stored?: NonNullable<ImageDataset["stored"]>;
  readonly storedLength?: NonNullable<ImageDataset["storedLength"]>;
  readonly values?: NonNullable<ImageDataset["values"]>;
  readonly valueRange?: ValueRange;
  readonly fingerprint?: () => Promise<string>;
  readonly identity?: () => Promise<DatasetIdentity>;
  readonly #dataset: ImageDataset;
  readonly #indices: Int32Array;

  constructor(dataset: ImageDataset, indices: Int32Array) {
    this.classes = dataset.classes;
    this.#dataset = dataset;
    this.#indices = indices;
    if (dataset.channels !== undefined) this.channels = dataset.channels;
    if (dataset.notes !== undefined) this.notes = dataset.notes;
    if (dataset.root !== undefined) this.root = dataset.root;
    if (dataset.valueRange !== undefined) this.valueRange = dataset.valueRange;
    if (dataset.groups !== undefined) this.groups = groupsOf(dataset.groups, indices);
    const find = (what: string, index: number) => ({ dataset, index: this.#original(what, index) });
    Object.assign(this, forwardedMembers([dataset], find));
    if (dataset.fingerprint !== undefined) {
      this.fingerprint = async () =>
        createHash("sha256")
          .update(`subset ${await dataset.fingerprint!()} `)
          .update(indices)
          .digest("hex");
    }
    if (dataset.identity !== undefined) {
      this.identity = async () => combineIdentities([await dataset.identity!()], indices, this);
    }
  }

  get length(): number {
    return this.#indices.length;
  }

  #original(what: string, index: number): number {
    checkIndex(what, index, this.length);
    return this.#indices[index]!;
  }

  path(index: number): string {
    return this.#dataset.path(this.#original("path", index));
  }

  label(index: number): number {
    return this.#dataset.label(this.#original("label", index));
  }

  image(index: number, request?: ImageRequest): Promise<NdArray<Uint8Array>> {
    return this.#dataset.image(this.#original("image", index), request);
  }

  async close(): Promise<void> {
    await this.#dataset.close?.();
  }
}

/** Where the chosen pictures pass from one group to another. */
function groupsOf(groups: Int32Array, indices: Int32Array): Int32Array {
  const starts: number[] = [];
  let first = 0;
  let end = 0;
  indices.forEach((index, place) => {
    if (place > 0 && index >= first && index < end) return;
    const group = searchSorted(groups, index);
    first = groups[group]!;
    end = groups[group + 1] ?? Number.POSITIVE_INFINITY;
    starts.push(place);
  });
  return Int32Array.from(starts);
}

/**
 * Some pictures of a data set, in the given order, with the same classes. Groups, fingerprint and identity follow;
 * closing it closes the data set.
 *
 * @param indices Which, e.g. of `readIndices`; an index may come several times.
 * @throws RangeError If an index is none of the data set.
 */
export function subset(dataset: ImageDataset, indices: ArrayLike<number>): ImageDataset {
  const own = new Int32Array(indices.length);
  for (let place = 0; place < own.length; place++) {
    checkIndex("subset", indices[place]!, dataset.length);
    own[place] = indices[place]!;
  }
  return new Subset(dataset, own);
}

/** The pictures of each label, in the order of the data set. */
export function indicesByLabel(dataset: ImageDataset): Map<number, number[]> {
  const byLabel = new Map<number, number[]>();
  for (let index = 0; index < dataset.length; index++) {
    const label = dataset.label(index);
    const members = byLabel.get(label);
    if (members === undefined) byLabel.set(label, [index]);
    else members.push(index);
  }
  return byLabel;
}
