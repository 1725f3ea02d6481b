import type { ChannelNumbers } from "@splitmask/augmentation";
import { RandomStream } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { PictureError } from "./decoding/pictureError.js";
import type { ImageDataset } from "./imageDataset.js";
import type { HeldPicture } from "./loading/heldPicture.js";
import { PictureStore } from "./loading/pictureStore.js";

/** Options of `measureNormalization`. */
export interface MeasureNormalizationOptions {
  /** What computes the sums. */
  readonly device: Device;
  /** How many pictures are looked at, chosen at random; all if there are fewer. Default 1000. */
  readonly sample?: number;
  /** What the choice depends on. Default 0. */
  readonly seed?: number;
  /**
   * Pictures whose short side is more than 1.5 times as long are reduced to so many pixels first; null: never. Default
   * 256.
   */
  readonly decodeSize?: number | null;
  /** Pictures that are decoded at the same time. Default 4. */
  readonly workers?: number;
}

/** Statistics of a data set's pixels, values from 0 to 1. */
export interface Normalization {
  /** Mean by channel. */
  readonly mean: ChannelNumbers;
  /** Standard deviation by channel, at least 1/255. */
  readonly std: ChannelNumbers;
  /** How many pictures were measured. */
  readonly pictures: number;
}

const chunk = 64;

/**
 * Measures mean and standard deviation of the channels over all pixels of a random sample of pictures. Bad pictures are
 * left out. Of pictures
 * without any contrast the standard deviation is given as 1/255, the smallest step, so that nothing is divided by 0.
 *
 * @throws RangeError (rejects) If the sample is no whole number above 0.
 * @throws Error (rejects) If no picture of the sample can be decoded.
 */
export async function measureNormalization(
  dataset: ImageDataset,
  options: MeasureNormalizationOptions,
): Promise<Normalization> {
  const { device, sample = 1000, seed = 0, decodeSize = 256, workers = 4 } = options;
  if (!Number.isInteger(sample) || sample < 1) {
    throw new RangeError(
      `measureNormalization: sample is ${sample}; expected a whole number of pictures, at least 1.`,
    );
  }
  const order = new RandomStream({ seed, purpose: "measureNormalization" }).permutation(dataset.length);
  const chosen = order.subarray(0, sample);
  const store = new PictureStore({ dataset, device, decodeSize, cacheBytes: 0, workers });
  const channels = dataset.channels ?? 3;
  const output = { buffer: device.allocate(16 * channels), byteOffset: 0 };
  device.upload(output, new Float64Array(2 * channels));
  let pictures = 0;
  let pixels = 0;
  for (let first = 0; first < chosen.length; first += chunk) {
    const indices = Array.from(chosen.subarray(first, first + chunk));
    const each = (await Promise.all(indices.map((index) => heldOrNull(store, index)))).filter(
      (held) => held !== null,
    );
    device.run("channelMoments", "float32", {
      output,
      channels,
      each: each.map((picture) => ({ picture, height: picture.height, width: picture.width })),
    });
    for (const picture of each) {
      pictures++;
      pixels += picture.height * picture.width;
      picture.release();
    }
  }
  const sums = new Float64Array(await device.download(output, 16 * channels));
  output.buffer.release();
  if (pictures === 0) {
    const [example] = store.skipped();
    throw new Error(
      `measureNormalization: none of ${chosen.length} pictures can be decoded` +
        `${example ? `, e.g. ${example.path}: ${example.reason}` : ""}. ` +
        "Check that the files are whole and are pictures.",
    );
  }
  const mean = Array.from(sums.subarray(0, channels), (sum) => sum / pixels);
  const std = mean.map((value, channel) =>
    Math.max(1 / 255, Math.sqrt(Math.max(0, sums[channels + channel]! / pixels - value ** 2))),
  );
  return { mean, std, pictures };
}

async function heldOrNull(store: PictureStore, index: number): Promise<HeldPicture | null> {
  try {
    return await store.get(index);
  } catch (error) {
    if (error instanceof PictureError) return null;
    throw error;
  }
}
