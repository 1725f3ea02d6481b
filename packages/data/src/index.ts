/**
 * Picture folders, decoding, augmentation and batches.
 *
 * @packageDocumentation
 */
export { ArrayDataset, type ArrayDatasetOptions, arrayDataset } from "./arrayDataset.js";
export {
  type Augmentation,
  type AugmentationPlan,
  type CenterCropOptions,
  centerCrop,
  type RandomResizedCropOptions,
  randomResizedCrop,
} from "./augmentation.js";
export {
  type DecodeOptions,
  type DecodePictureOptions,
  decodePicture,
  type PictureSize,
  readPictureSize,
} from "./decode.js";
export type { ChannelNumbers, ImageBatch, View } from "./imageBatch.js";
export { type ImageDataset, type ImageRequest, PictureError, type SkippedPicture } from "./imageDataset.js";
export { ImageFolder, type ImageFolderOptions, imageFolder, pictureExtensions } from "./imageFolder.js";
export { ImageLoader, type ImageLoaderOptions } from "./imageLoader.js";
export {
  IMAGENET_MEAN,
  IMAGENET_STD,
  type MeasureNormalizationOptions,
  measureNormalization,
  type Normalization,
} from "./normalization.js";
export { OrderedBatches, type OrderedBatchesOptions, orderedBatches } from "./orderedBatches.js";
export { type SplitOptions, split, subset } from "./subset.js";
