/**
 * Picture folders, decoding, augmentation and batches.
 *
 * @packageDocumentation
 */

export {
  type Augmentation,
  type AugmentationPlan,
  type AugmentationStep,
  compose,
  randomApply,
  randomHorizontalFlip,
  randomVerticalFlip,
} from "./augmentation/augmentation.js";
export {
  type ColorJitterOptions,
  colorJitter,
  type GaussianBlurOptions,
  gaussianBlur,
  type JitterRange,
  randomGrayscale,
  randomSolarize,
} from "./augmentation/colors.js";
export {
  type CenterCropOptions,
  centerCrop,
  type RandomResizedCropOptions,
  type ResizeCenterCropOptions,
  randomResizedCrop,
  resizeCenterCrop,
} from "./augmentation/crops.js";
export {
  augmentPictures,
  augmentViews,
  type ChannelNumbers,
  type DevicePicture,
  type ImageBatch,
  type PictureKey,
  type View,
  type ViewRequest,
} from "./augmentation/imageBatch.js";
export {
  type MixBox,
  type MixedBatch,
  type MixPlan,
  type MixSize,
  type MixupOptions,
  mixPictures,
  mixup,
  planMixup,
} from "./augmentation/mixup.js";
export { type CropKind, multiCrop } from "./augmentation/multiCrop.js";
export type {
  Blend,
  Erase,
  FixedOperation,
  GaussianBlur,
  Geometry,
  HueTurn,
  Interpolation,
  Operation,
  Posterize,
  Rotate,
  Shear,
  Solarize,
  SolarizeAdd,
  Translate,
} from "./augmentation/operations.js";
export {
  parseRandAugment,
  type RandAugmentOperation,
  type RandAugmentOptions,
  randAugment,
  randAugmentOperations,
} from "./augmentation/randAugment.js";
export { type RandomErasingOptions, randomErasing } from "./augmentation/randomErasing.js";
export {
  type ColorAugmentationOptions,
  colorAugmentation,
  type DinoViewsOptions,
  deitRecipe,
  dinoViews,
  type SimclrViewsOptions,
  type SplitMaskAugmentationOptions,
  type SupervisedRecipe,
  type SupervisedRecipeOptions,
  simclrViews,
  splitMaskAugmentation,
  splitMaskFinetuning,
} from "./augmentation/recipes.js";
export { repeatedAugmentation } from "./augmentation/repeatedAugmentation.js";
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
export {
  IMAGENET_MEAN,
  IMAGENET_STD,
  type MeasureNormalizationOptions,
  measureNormalization,
  type Normalization,
} from "./normalization.js";
export { ArrayDataset, type ArrayDatasetOptions, arrayDataset } from "./sources/arrayDataset.js";
export {
  ImageFolder,
  type ImageFolderOptions,
  imageFolder,
  pictureExtensions,
} from "./sources/imageFolder.js";
export { type SplitOptions, split, subset } from "./sources/subset.js";
