import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { ImageDataset } from "../imageDataset.js";
import { evenlySpaced } from "./evenlySpaced.js";

/** A picture that is in both sets. */
export interface SharedPicture {
  /** Its path in the test set. */
  readonly test: string;
  /** Its path in the training set. */
  readonly train: string;
}

/** How much is looked at, at most. */
export interface SharedPicturesOptions {
  /** Test pictures, and training pictures that may equal one of them, whose bytes are read. Default 100,000 of each. */
  readonly mostPictures?: number;
  /** Bytes that are read of each data set. Default 512 MiB. */
  readonly mostBytes?: number;
}

/** Test pictures that are training pictures too. */
export interface SharedPictures {
  /** How many, of those that were looked at. */
  readonly count: number;
  /** Test pictures that were looked at. */
  readonly test: number;
  /** Training pictures that were looked at; a picture of another size than every test picture counts as such. */
  readonly train: number;
  /** One of them, by its path in each data set; null: there is none. */
  readonly example: SharedPicture | null;
}

/** Pictures that are looked at between two pauses for the event loop. */
const picturesAPause = 1000;
/** Reads that wait together. */
const readsAtOnce = 16;

/**
 * Finds the pictures of a test set that are in the training set too: the same file, or one of equal bytes. Sizes are
 * compared first, and only pictures whose size comes in both are read; nothing is decoded, so that a picture that was
 * stored anew is not found.
 *
 * @param train The training pictures.
 * @param test The test pictures.
 */
export async function sharedPictures(
  train: ImageDataset,
  test: ImageDataset,
  { mostPictures = 100_000, mostBytes = 512 << 20 }: SharedPicturesOptions = {},
): Promise<SharedPictures> {
  const sample = evenlySpaced(test.length, mostPictures);
  const found = new Map<number, string>();
  await findPaths(train, test, sample, found);
  const rest = sample.filter((index) => !found.has(index));
  const looked = { test: sample.length, train: train.length };
  if (rest.length > 0 && train.stored !== undefined && test.stored !== undefined) {
    const { pairs, testOut, trainOut } = await findEqual(train, test, rest, { mostPictures, mostBytes });
    for (const [index, path] of pairs) found.set(index, path);
    looked.test -= testOut;
    looked.train -= trainOut;
  }
  const [first] = found;
  return {
    count: found.size,
    ...looked,
    example: first === undefined ? null : { test: test.path(first[0]), train: first[1] },
  };
}

/** Pictures that are the same file, or the same place in one. */
async function findPaths(
  train: ImageDataset,
  test: ImageDataset,
  sample: readonly number[],
  found: Map<number, string>,
): Promise<void> {
  const byPath = new Map(sample.map((index) => [test.path(index), index]));
  for (let index = 0; index < train.length; index++) {
    if (index % picturesAPause === 0) await setImmediate();
    const path = train.path(index);
    const place = byPath.get(path);
    if (place !== undefined) found.set(place, path);
  }
}

interface Equal {
  /** Test pictures with the path of a training picture of equal bytes. */
  readonly pairs: readonly (readonly [test: number, path: string])[];
  /** Pictures of each that were left out because they are too many. */
  readonly testOut: number;
  readonly trainOut: number;
}

async function findEqual(
  train: ImageDataset,
  test: ImageDataset,
  tests: readonly number[],
  limits: Required<SharedPicturesOptions>,
): Promise<Equal> {
  const all = Array.from({ length: train.length }, (_, index) => index);
  const trainLengths = await lengthsOf(train, all);
  const testLengths = await lengthsOf(test, tests);
  const wanted = testLengths === null ? null : new Set(testLengths.values());
  const candidates =
    trainLengths === null || wanted === null
      ? all
      : all.filter((index) => wanted.has(trainLengths.get(index)!));
  const there = trainLengths === null ? null : new Set(candidates.map((index) => trainLengths.get(index)!));
  const suspects =
    testLengths === null || there === null
      ? tests
      : tests.filter((index) => there.has(testLengths.get(index)!));
  const hashed = await hashesOf(test, suspects, testLengths, limits);
  const byHash = new Map<string, number[]>();
  for (const [index, hash] of hashed) byHash.set(hash, [...(byHash.get(hash) ?? []), index]);
  const pairs: (readonly [number, string])[] = [];
  const others = await hashesOf(train, byHash.size === 0 ? [] : candidates, trainLengths, limits);
  for (const [index, hash] of others) {
    for (const place of byHash.get(hash) ?? []) pairs.push([place, train.path(index)]);
  }
  return {
    pairs,
    testOut: suspects.length - hashed.size,
    trainOut: byHash.size === 0 ? 0 : candidates.length - others.size,
  };
}

/**
 * How many bytes pictures have, but those with none, which are not pictures; null where that is not known without
 * reading them.
 */
async function lengthsOf(
  dataset: ImageDataset,
  indices: readonly number[],
): Promise<ReadonlyMap<number, number> | null> {
  if (dataset.storedLength === undefined) return null;
  const lengths = new Map<number, number>();
  for (const [place, index] of indices.entries()) {
    if (place % picturesAPause === 0) await setImmediate();
    const length = dataset.storedLength(index);
    if (length > 0) lengths.set(index, length);
  }
  return lengths;
}

/** Hashes of pictures as they are stored, as far as the limits go; of those that cannot be read there is none. */
async function hashesOf(
  dataset: ImageDataset,
  indices: readonly number[],
  lengths: ReadonlyMap<number, number> | null,
  { mostPictures, mostBytes }: Required<SharedPicturesOptions>,
): Promise<ReadonlyMap<number, string>> {
  const bytes = lengths === null ? 0 : indices.reduce((sum, index) => sum + (lengths.get(index) ?? 0), 0);
  const fitting = bytes <= mostBytes ? indices.length : Math.floor((indices.length * mostBytes) / bytes);
  // A container without lengths is read from its beginning, because each of its pages holds many pictures.
  const most = Math.min(mostPictures, fitting);
  const chosen =
    lengths === null
      ? indices.slice(0, most)
      : evenlySpaced(indices.length, most).map((place) => indices[place]!);
  const hashes = new Map<number, string>();
  let read = 0;
  for (let place = 0; place < chosen.length && read < mostBytes; place += readsAtOnce) {
    await Promise.all(
      chosen.slice(place, place + readsAtOnce).map(async (index) => {
        const stored = await dataset.stored!(index).catch(() => null);
        if (stored === null) return;
        read += stored.length;
        hashes.set(index, createHash("sha256").update(stored).digest("base64"));
      }),
    );
  }
  return hashes;
}
