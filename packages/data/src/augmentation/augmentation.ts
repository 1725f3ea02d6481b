import type { RandomStream } from "@splitmask/autograd";

/** What happens to one picture: the box that is cut out, in pixels of the decoded picture (fractions allowed), and whether it is mirrored. */
export interface AugmentationPlan {
  /** Upper border of the box. */
  readonly cropY: number;
  /** Left border of the box. */
  readonly cropX: number;
  /** Rows of the box. */
  readonly cropHeight: number;
  /** Columns of the box. */
  readonly cropWidth: number;
  /** Whether the result is mirrored left to right. */
  readonly flip: boolean;
}

/** A rule that plans what happens to a picture. The box is then resized to each view's size (bicubic, antialiased). */
export interface Augmentation {
  /** For logs and saved configurations, e.g. `randomResizedCrop(0.08–1)`. */
  readonly name: string;
  /**
   * Plans one picture.
   *
   * @param height Rows of the decoded picture.
   * @param width Columns of the decoded picture.
   * @param stream Where random numbers come from, this picture's own; rules without chance leave it alone.
   */
  plan(height: number, width: number, stream: RandomStream): AugmentationPlan;
}

/** Options of `randomResizedCrop`. */
export interface RandomResizedCropOptions {
  /** Smallest and largest share of the picture's area that is cut out. Default [0.08, 1]. */
  readonly scale?: readonly [number, number];
  /** Smallest and largest width / height of the box. Default [3/4, 4/3]. */
  readonly ratio?: readonly [number, number];
  /** Probability of mirroring left to right. Default 0.5. */
  readonly horizontalFlip?: number;
}

function checkRange(name: string, range: readonly [number, number], most: number): void {
  const [low, high] = range;
  if (!(low > 0 && low <= high && high <= most)) {
    throw new RangeError(
      `randomResizedCrop: ${name} is [${low}, ${high}]; expected two rising numbers above 0${most === Infinity ? "" : ` and at most ${most}`}.`,
    );
  }
}

/**
 * The paper's only augmentation: a random box of the picture, resized, and a random flip. torchvision's `RandomResizedCrop`: area uniform in `scale`,
 * width / height log-uniform in `ratio`, whole pixels, ten tries, then the largest centred box within `ratio`.
 *
 * @throws RangeError If a range or the probability is none.
 */
export function randomResizedCrop(options: RandomResizedCropOptions = {}): Augmentation {
  const { scale = [0.08, 1], ratio = [3 / 4, 4 / 3], horizontalFlip = 0.5 } = options;
  checkRange("scale", scale, 1);
  checkRange("ratio", ratio, Infinity);
  if (!(horizontalFlip >= 0 && horizontalFlip <= 1)) {
    throw new RangeError(
      `randomResizedCrop: horizontalFlip is ${horizontalFlip}; expected a probability from 0 to 1.`,
    );
  }
  const plan = (height: number, width: number, stream: RandomStream): AugmentationPlan => {
    // First of all, so that it does not depend on the number of tries.
    const flip = stream.uniform() < horizontalFlip;
    for (let attempt = 0; attempt < 10; attempt++) {
      const area = height * width * stream.uniform(scale[0], scale[1]);
      const aspect = Math.exp(stream.uniform(Math.log(ratio[0]), Math.log(ratio[1])));
      const cropWidth = Math.round(Math.sqrt(area * aspect));
      const cropHeight = Math.round(Math.sqrt(area / aspect));
      if (cropWidth > 0 && cropWidth <= width && cropHeight > 0 && cropHeight <= height) {
        const cropY = stream.integer(height - cropHeight + 1);
        const cropX = stream.integer(width - cropWidth + 1);
        return { cropY, cropX, cropHeight, cropWidth, flip };
      }
    }
    let cropWidth = width;
    let cropHeight = height;
    if (width / height < ratio[0]) cropHeight = Math.max(1, Math.round(width / ratio[0]));
    else if (width / height > ratio[1]) cropWidth = Math.max(1, Math.round(height * ratio[1]));
    return {
      cropY: Math.floor((height - cropHeight) / 2),
      cropX: Math.floor((width - cropWidth) / 2),
      cropHeight,
      cropWidth,
      flip,
    };
  };
  return { name: `randomResizedCrop(${scale[0]}–${scale[1]})`, plan };
}

/** Options of `centerCrop`. */
export interface CenterCropOptions {
  /** Share of the short side that is kept. Default 0.875: 224 of 256 pixels. */
  readonly ratio?: number;
}

/**
 * For evaluation: the middle square of `ratio` times the short side, with nothing random. The same as resizing the short side to size / ratio and cutting out the
 * middle, but in one pass and without rounding to whole pixels in between.
 *
 * @throws RangeError If the ratio is not above 0 and at most 1.
 */
export function centerCrop(options: CenterCropOptions = {}): Augmentation {
  const { ratio = 0.875 } = options;
  if (!(ratio > 0 && ratio <= 1)) {
    throw new RangeError(`centerCrop: ratio is ${ratio}; expected a share above 0 and at most 1.`);
  }
  const plan = (height: number, width: number): AugmentationPlan => {
    const side = ratio * Math.min(height, width);
    return {
      cropY: (height - side) / 2,
      cropX: (width - side) / 2,
      cropHeight: side,
      cropWidth: side,
      flip: false,
    };
  };
  return { name: `centerCrop(${ratio})`, plan };
}
