import { concatenate, noGrad, reshape, type Tensor } from "@splitmask/autograd";
import { type ImageDataset, ImageLoader } from "@splitmask/data";
import type { Device } from "@splitmask/kernels";
import {
  KMeansTokenizer,
  RandomPatchesTokenizer,
  RandomProjectionTokenizer,
  samplePatches,
  type Tokenizer,
  type TokenStatistics,
  tokenStatistics,
} from "@splitmask/tokenizer";
import type { ResolvedConfig } from "../settings/resolve.js";
import { tokenizerPatch, tokenizerView, trainingAugmentation } from "./method.js";

/** What is told while a tokenizer is fitted. */
export interface FitProgress {
  /** What is being done, such as "collecting patches". */
  readonly doing: string;
  /** How much of it is done. */
  readonly done: number;
  /** Of how much. */
  readonly total: number;
}

/** A tokenizer and how it uses its words on the pictures. */
export interface FittedTokenizer {
  /** The tokenizer. */
  readonly tokenizer: Tokenizer;
  /** Entropy and dead words on `patches` patches of the training crops. */
  readonly statistics: TokenStatistics;
  /** How many patches the statistics count. */
  readonly patches: number;
}

/** Patches over which entropy and dead words are counted. */
const countedPatches = 65_536;

/** The crops of training in the tokenizer's view, batch after batch without end. */
async function* crops(
  device: Device,
  dataset: ImageDataset,
  config: ResolvedConfig,
  total: number,
): AsyncGenerator<Tensor> {
  const batchSize = Math.min(64, dataset.length);
  const loader = new ImageLoader({
    dataset,
    device,
    batchSize,
    views: [tokenizerView(config)],
    seed: config.seed,
    augmentation: trainingAugmentation(config),
  });
  try {
    for (let step = 0; step * batchSize < total; step++) yield (await loader.batch(step)).views[0]!;
  } finally {
    loader.close();
  }
}

/**
 * Makes the run's tokenizer and counts how it uses its words.
 *
 * @param device Where it is computed.
 * @param dataset The pictures.
 * @param config The run's settings.
 * @param onProgress Hears how far it is.
 * @param signal Stops between two batches.
 */
export async function fitTokenizer(
  device: Device,
  dataset: ImageDataset,
  config: ResolvedConfig,
  onProgress: (progress: FitProgress) => void = () => undefined,
  signal?: AbortSignal,
): Promise<FittedTokenizer> {
  const tokenizer = await makeTokenizer(device, dataset, config, onProgress, signal);
  return { tokenizer, ...(await countWords(device, dataset, config, tokenizer)) };
}

/**
 * Makes the run's tokenizer; where it is fitted to data, to patches of the pictures' training crops.
 *
 * @param device Where it is computed.
 * @param dataset The pictures.
 * @param config The run's settings.
 * @param onProgress Hears how far it is.
 * @param signal Stops between two batches.
 */
export async function makeTokenizer(
  device: Device,
  dataset: ImageDataset,
  config: ResolvedConfig,
  onProgress: (progress: FitProgress) => void = () => undefined,
  signal?: AbortSignal,
): Promise<Tokenizer> {
  const patchSize = tokenizerPatch(config);
  const options = { vocabularySize: config.vocabulary, seed: config.seed };
  const stop = signal === undefined ? {} : { signal };
  const collect = () => {
    const count = config.tokenizerPatches;
    const perPicture = placesPerPicture(config, dataset.length, count);
    return samplePatches(
      counted(crops(device, dataset, config, count / perPicture), count, perPicture, onProgress),
      {
        patchSize,
        count,
        perPicture,
        seed: config.seed,
        ...stop,
      },
    );
  };
  if (config.tokenizer === "random-projection") {
    return new RandomProjectionTokenizer(device, { ...options, patchSize });
  }
  const patches = await collect();
  const tokenizer =
    config.tokenizer === "random-patches"
      ? RandomPatchesTokenizer.fit(patches, options)
      : await KMeansTokenizer.fit(patches, {
          ...options,
          ...stop,
          onProgress: ({ phase, done, total }) =>
            onProgress({
              doing: phase === "seeding" ? "choosing first centroids" : "moving centroids",
              done,
              total,
            }),
        });
  patches.dispose();
  return tokenizer;
}

/** Patches that are taken of each crop, so that a small folder also gives enough: at most all of them, over several crops of a picture. */
function placesPerPicture(config: ResolvedConfig, pictures: number, count: number): number {
  const places = (tokenizerView(config).size / tokenizerPatch(config)) ** 2;
  return Math.min(places, Math.max(1, Math.ceil(count / Math.max(pictures, 1024))));
}

/** Passes the batches on and tells how many patches they give. */
async function* counted(
  batches: AsyncIterable<Tensor>,
  count: number,
  perPicture: number,
  onProgress: (progress: FitProgress) => void,
): AsyncGenerator<Tensor> {
  let done = 0;
  for await (const batch of batches) {
    yield batch;
    done = Math.min(count, done + batch.shape[0]! * perPicture);
    batch.dispose();
    onProgress({ doing: "collecting patches", done, total: count });
  }
}

/** Tokenizes some training crops and counts the words. */
async function countWords(
  device: Device,
  dataset: ImageDataset,
  config: ResolvedConfig,
  tokenizer: Tokenizer,
): Promise<{ statistics: TokenStatistics; patches: number }> {
  const places = (tokenizerView(config).size / tokenizer.patchSize) ** 2;
  const tokens: Tensor[] = [];
  for await (const batch of crops(device, dataset, config, Math.ceil(countedPatches / places))) {
    tokens.push(noGrad(device, () => reshape(tokenizer.tokenize(batch), [-1])));
    batch.dispose();
  }
  const all = concatenate(tokens, 0);
  const statistics = await tokenStatistics(all, tokenizer.vocabularySize);
  const patches = all.size;
  for (const held of [all, ...tokens]) held.dispose();
  return { statistics, patches };
}
