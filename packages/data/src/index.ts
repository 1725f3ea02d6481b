/**
 * Picture folders, decoding, augmentation and batches.
 *
 * @packageDocumentation
 */

export {
  type Augmentation,
  type AugmentationPlan,
  type CenterCropOptions,
  centerCrop,
  type RandomResizedCropOptions,
  randomResizedCrop,
} from "./augmentation/augmentation.js";
export type { ChannelNumbers, ImageBatch, View } from "./augmentation/imageBatch.js";
export {
  type DecodeOptions,
  type DecodePictureOptions,
  decodePicture,
  type PictureSize,
  readPictureSize,
} from "./decoding/decodePicture.js";
export { type ImageDataset, type ImageRequest, PictureError, type SkippedPicture } from "./imageDataset.js";
export { ImageLoader, type ImageLoaderOptions } from "./loading/imageLoader.js";
export { OrderedBatches, type OrderedBatchesOptions, orderedBatches } from "./loading/orderedBatches.js";
export { sliceImageBatch } from "./loading/sliceImageBatch.js";
export {
  IMAGENET_MEAN,
  IMAGENET_STD,
  type MeasureNormalizationOptions,
  measureNormalization,
  type Normalization,
} from "./normalization.js";
export { ArrayDataset, type ArrayDatasetOptions, arrayDataset } from "./sources/arrayDataset.js";
export { CifarDataset, type CifarDatasetOptions, cifarDataset } from "./sources/cifar.js";
export { CocoDataset, type CocoDatasetOptions, cocoDataset } from "./sources/coco.js";
export type { CocoAnnotation, CocoCategory, RunLengths } from "./sources/cocoJson.js";
export { IdxDataset, type IdxDatasetOptions, idxDataset } from "./sources/idx.js";
export { ImageFiles } from "./sources/imageFiles.js";
export {
  ImageFolder,
  type ImageFolderOptions,
  imageFolder,
  pictureExtensions,
} from "./sources/imageFolder.js";
export { imageGlob } from "./sources/imageGlob.js";
export { type ImageListOptions, imageList } from "./sources/imageList.js";
export { type DatasetFormat, type OpenDatasetOptions, openDataset } from "./sources/openDataset.js";
export { ParquetDataset, type ParquetDatasetOptions, parquetDataset } from "./sources/parquet.js";
export {
  decodeRunLengths,
  encodeRunLengths,
  rasterizeRunLengths,
  runLengthsOf,
} from "./sources/runLengths.js";
export { type SplitOptions, split, subset } from "./sources/subset.js";
export { WebDataset, type WebDatasetOptions, webDataset } from "./sources/webDataset.js";
export type { WebDatasetLabels } from "./sources/webDatasetIndex.js";
