/**
 * Picture folders, decoding, augmentation and batches.
 *
 * @packageDocumentation
 */

export * from "@splitmask/augmentation";
export type { CacheProgress } from "./cache/buildCache.js";
export { defaultCacheFolder } from "./cache/cacheFolder.js";
export { type CacheEntry, clearCaches, listCaches } from "./cache/listCaches.js";
export {
  hasPictureCache,
  PictureCache,
  type PictureCacheOptions,
  pictureCache,
} from "./cache/pictureCache.js";
export { clearShardFiles, listShardFiles, type ShardFile } from "./cache/unpackedShards.js";
export {
  type DecodeOptions,
  type DecodePictureOptions,
  decodePicture,
  type FailOn,
  readPictureSize,
  readStoredValues,
} from "./decoding/decodePicture.js";
export { PictureError, type SkippedPicture } from "./decoding/pictureError.js";
export type { PictureSize } from "./decoding/pictureSize.js";
export type { StoredValues, ValueRange } from "./decoding/storedValues.js";
export type { DatasetIdentity, DatasetNote, ImageDataset, ImageRequest } from "./imageDataset.js";
export { defaultDecodeSize } from "./loading/decodeSize.js";
export { ImageLoader, type ImageLoaderOptions } from "./loading/imageLoader.js";
export { MixedBatches, type MixedBatchesOptions, type MixedImageBatch } from "./loading/mixedBatches.js";
export { type EpochOrder, epochOrder, type OrderOptions } from "./loading/order.js";
export { OrderedBatches, type OrderedBatchesOptions, orderedBatches } from "./loading/orderedBatches.js";
export { defaultCacheBytes } from "./loading/pictureStore.js";
export { sliceImageBatch } from "./loading/sliceImageBatch.js";
export {
  type MeasureNormalizationOptions,
  measureNormalization,
  type Normalization,
} from "./normalization.js";
export { shownName } from "./shownName.js";
export { ArrayDataset, type ArrayDatasetOptions, arrayDataset } from "./sources/arrayDataset.js";
export { CifarDataset, type CifarDatasetOptions, cifarDataset } from "./sources/cifar.js";
export { CocoDataset, type CocoDatasetOptions, cocoDataset } from "./sources/coco.js";
export type { CocoAnnotation, CocoCategory, CocoId, RunLengths } from "./sources/cocoJson.js";
export { concatenateDatasets } from "./sources/concatenateDatasets.js";
export { identityDifference } from "./sources/datasetIdentity.js";
export { evenlySpaced } from "./sources/evenlySpaced.js";
export type { DatasetFormat } from "./sources/formatNames.js";
export { IdxDataset, type IdxDatasetOptions, idxDataset } from "./sources/idx.js";
export { ImageFiles } from "./sources/imageFiles.js";
export { ImageFolder, type ImageFolderOptions, imageFolder } from "./sources/imageFolder.js";
export { imageGlob } from "./sources/imageGlob.js";
export { type ImageListOptions, imageList } from "./sources/imageList.js";
export { readIndices } from "./sources/indexList.js";
export type { TableColumns } from "./sources/labelTable.js";
export {
  checkSkipped,
  LimitedDataset,
  type LimitSkippedOptions,
  limitSkipped,
  type SkippedShare,
  TooManySkippedError,
} from "./sources/limitSkipped.js";
export { type OpenDatasetOptions, openDataset } from "./sources/openDataset.js";
export { ParquetDataset, type ParquetDatasetOptions, parquetDataset } from "./sources/parquet.js";
export type { DatasetUse } from "./sources/parts.js";
export { pictureExtensions } from "./sources/pictureFormats.js";
export { type RandomSplitOptions, randomSplit } from "./sources/randomSplit.js";
export { type RandomSubsetOptions, randomIndices, randomSubset } from "./sources/randomSubset.js";
export {
  decodeRunLengths,
  encodeRunLengths,
  rasterizeRunLengths,
  runLengthsOf,
} from "./sources/runLengths.js";
export {
  type SharedPicture,
  type SharedPictures,
  type SharedPicturesOptions,
  sharedPictures,
} from "./sources/sharedPictures.js";
export { subset } from "./sources/subset.js";
export { readTextFile } from "./sources/textFile.js";
export { WebDataset, type WebDatasetOptions, webDataset } from "./sources/webDataset.js";
