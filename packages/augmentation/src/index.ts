/**
 * Augmentation of pictures: plans drawn from random keys, carried out by one kernel per view of a batch.
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
} from "./augmentation.js";
export {
  blurOfSize,
  type ColorJitterOptions,
  colorJitter,
  type GaussianBlurOptions,
  gaussianBlur,
  type JitterRange,
  randomGrayscale,
  randomSolarize,
} from "./colors.js";
export {
  type CenterCropOptions,
  centerCrop,
  type RandomResizedCropOptions,
  type ResizeCenterCropOptions,
  randomResizedCrop,
  resizeCenterCrop,
} from "./crops.js";
export {
  augmentPictures,
  augmentViews,
  type ChannelNumbers,
  checkViews,
  type DevicePicture,
  type ImageBatch,
  type PictureKey,
  type View,
  type ViewRequest,
} from "./imageBatch.js";
export { IMAGENET_MEAN, IMAGENET_STD } from "./imagenet.js";
export {
  type MixBox,
  type MixedBatch,
  type MixPlan,
  type MixSize,
  type MixupOptions,
  mixPictures,
  mixup,
  planMixup,
} from "./mixup.js";
export { type CropKind, multiCrop } from "./multiCrop.js";
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
} from "./operations.js";
export {
  parseRandAugment,
  type RandAugmentOperation,
  type RandAugmentOptions,
  randAugment,
  randAugmentOperations,
} from "./randAugment.js";
export { type RandomErasingOptions, randomErasing } from "./randomErasing.js";
export {
  type ColorAugmentationOptions,
  colorAugmentation,
  type DinoViewsOptions,
  deitRecipe,
  dinoViews,
  leJepaViews,
  type SimclrViewsOptions,
  type SplitMaskAugmentationOptions,
  type SupervisedAugmentationOptions,
  type SupervisedRecipe,
  type SupervisedRecipeOptions,
  simclrViews,
  splitMaskAugmentation,
  splitMaskFinetuning,
  supervisedAugmentation,
} from "./recipes.js";
