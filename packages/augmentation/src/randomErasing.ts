import { type AugmentationStep, operationStep } from "./augmentation.js";
import { checkProbability } from "./draws.js";
import type { Erase } from "./operations.js";

/** Options of `randomErasing`, timm's. */
export interface RandomErasingOptions {
  /** Probability with which a picture is erased. Default 0.5. */
  readonly probability?: number;
  /** Smallest area as a share of the picture, over all boxes. Default 0.02. */
  readonly minArea?: number;
  /** Largest area as a share of the picture, over all boxes. Default 1/3. */
  readonly maxArea?: number;
  /** Smallest height / width of a box. Default 0.3. */
  readonly minAspect?: number;
  /** Largest height / width of a box. Default 1 / minAspect. */
  readonly maxAspect?: number;
  /** With zeros, with one normal number a channel, or with one a value. Default `"const"`. */
  readonly mode?: Erase["mode"];
  /** Fewest boxes. Default 1. */
  readonly minCount?: number;
  /** Most boxes. Default minCount. */
  readonly maxCount?: number;
}

/**
 * Erases random boxes after normalization (Zhong et al. 2020). timm's `RandomErasing`.
 *
 * @throws RangeError If a number is out of its range.
 */
export function randomErasing(options: RandomErasingOptions = {}): AugmentationStep {
  const { probability = 0.5, minArea = 0.02, maxArea = 1 / 3, minAspect = 0.3, mode = "const" } = options;
  const { maxAspect = 1 / minAspect, minCount = 1, maxCount = minCount } = options;
  checkProbability("randomErasing", "probability", probability);
  if (!(minArea > 0 && minArea <= maxArea && maxArea <= 1)) {
    throw new RangeError(
      `randomErasing: minArea is ${minArea} and maxArea is ${maxArea}; expected rising shares above 0 and at most 1.`,
    );
  }
  if (!(minAspect > 0 && minAspect <= maxAspect && maxAspect < Infinity)) {
    throw new RangeError(
      `randomErasing: minAspect is ${minAspect} and maxAspect is ${maxAspect}; expected rising numbers above 0.`,
    );
  }
  if (!(Number.isInteger(minCount) && Number.isInteger(maxCount) && minCount >= 1 && minCount <= maxCount)) {
    throw new RangeError(
      `randomErasing: minCount is ${minCount} and maxCount is ${maxCount}; expected rising whole numbers from 1 on.`,
    );
  }
  return operationStep(`randomErasing(${probability}, ${mode})`, (stream) => {
    if (!(stream.uniform() < probability)) return [];
    const count = minCount + stream.integer(maxCount - minCount + 1);
    const boxes: Erase[] = [];
    for (let box = 0; box < count; box++) {
      for (let attempt = 0; attempt < 10; attempt++) {
        const area = stream.uniform(minArea, maxArea) / count;
        const aspect = Math.exp(stream.uniform(Math.log(minAspect), Math.log(maxAspect)));
        const height = Math.sqrt(area * aspect);
        const width = Math.sqrt(area / aspect);
        if (height >= 1 || width >= 1) continue;
        const place = { top: stream.uniform(), left: stream.uniform() };
        boxes.push({ kind: "erase", height, width, ...place, mode, words: [stream.bits(), stream.bits()] });
        break;
      }
    }
    return boxes;
  });
}
