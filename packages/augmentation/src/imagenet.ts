/**
 * Mean of the channels of ImageNet's training pictures, values from 0 to 1; what torchvision's and timm's weights
 * expect.
 */
export const IMAGENET_MEAN: readonly [number, number, number] = [0.485, 0.456, 0.406];

/** Standard deviation of the channels of ImageNet's training pictures, values from 0 to 1. */
export const IMAGENET_STD: readonly [number, number, number] = [0.229, 0.224, 0.225];
