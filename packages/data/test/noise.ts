import { type ImageDataset, PictureError } from "@splitmask/data";
import ndarray, { type NdArray } from "ndarray";

/** Options of `noiseDataset`. */
export interface NoiseOptions {
  /** Pictures. */
  readonly length: number;
  /** Which cannot be decoded. */
  readonly bad?: ReadonlySet<number>;
  /** Changes the pictures. */
  readonly version?: number;
  /** Rows and columns of the largest. */
  readonly side?: number;
  /** Where groups begin. */
  readonly groups?: Int32Array;
}

/** Noise of different sizes, a function of the picture's number; `decoded` lists what was decoded. */
export function noiseDataset(options: NoiseOptions): { dataset: ImageDataset; decoded: number[] } {
  const { length, bad = new Set(), version = 1, side = 40, groups } = options;
  const decoded: number[] = [];
  const dataset: ImageDataset = {
    length,
    classes: [],
    ...(groups === undefined ? {} : { groups }),
    path: (index) => `noise ${index}`,
    label: () => -1,
    fingerprint: async () => `noise ${length} ${version} ${side}`,
    image: async (index) => {
      decoded.push(index);
      if (bad.has(index)) throw new PictureError(`noise ${index}`, `torn "here"\nand there, ${index}`);
      return noisePicture(index, version, side);
    },
  };
  return { dataset, decoded };
}

/** The picture of a number. */
export function noisePicture(index: number, version = 1, side = 40): NdArray<Uint8Array> {
  const { pixels, height, width } = noise(index, version, side);
  return ndarray(pixels, [height, width, 3]);
}

/** The pixels of a number; its source is also run in other processes, so it uses nothing else. */
export function noise(
  index: number,
  version: number,
  side: number,
): { pixels: Uint8Array; height: number; width: number } {
  const height = side - (index % 7);
  const width = side - (index % 5);
  const pixels = new Uint8Array(height * width * 3);
  let state = index * 1000 + version;
  for (let at = 0; at < pixels.length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    pixels[at] = state >>> 24;
  }
  return { pixels, height, width };
}
