import { empty, RandomStream, type Tensor } from "@splitmask/autograd";
import { checkProbability, drawBeta } from "./draws.js";

/** Options of `mixup`, timm's. */
export interface MixupOptions {
  /** Number of classes: columns of the targets. */
  readonly classes: number;
  /** mixup's Beta(alpha, alpha); 0: no mixup. Default 1. */
  readonly mixupAlpha?: number;
  /** CutMix's Beta(alpha, alpha); 0: no CutMix. Default 0. */
  readonly cutmixAlpha?: number;
  /** Smallest and largest share of the sides that CutMix pastes, instead of a box by lambda. Default none. */
  readonly cutmixMinmax?: readonly [number, number];
  /** Probability with which a batch (or picture, or pair) is mixed at all. Default 1. */
  readonly probability?: number;
  /** Probability of CutMix rather than mixup where both are on. Default 0.5. */
  readonly switchProbability?: number;
  /**
   * One draw for the whole batch, for each pair of pictures (i and B − 1 − i), or for each picture. Default `"batch"`.
   */
  readonly mode?: "batch" | "pair" | "elem";
  /**
   * Whether lambda becomes the share of the picture that is really left where CutMix's box meets the border. Default
   * true.
   */
  readonly correctLambda?: boolean;
  /** Share of each target that is spread over all classes. Default 0.1. */
  readonly labelSmoothing?: number;
}

/** A box in pixels. */
export interface MixBox {
  /** Its first row. */
  readonly top: number;
  /** Its first column. */
  readonly left: number;
  /** Its rows. */
  readonly rows: number;
  /** Its columns. */
  readonly columns: number;
}

/** How one picture is mixed with its partner. */
export interface MixPlan {
  /** The picture of the batch that is mixed in. */
  readonly partner: number;
  /** Share of the picture's own label; without a box, also of its own pixels. */
  readonly lambda: number;
  /** CutMix: the box that is pasted from the partner, in pixels; null: mixup, or nothing where lambda is 1. */
  readonly box: MixBox | null;
}

/** The size of a batch. */
export interface MixSize {
  /** B, even. */
  readonly batch: number;
  /** Rows of the pictures. */
  readonly height: number;
  /** Columns of the pictures. */
  readonly width: number;
}

/** A mixed batch. */
export interface MixedBatch {
  /** B×C×H×W. */
  readonly images: Tensor;
  /** Soft targets, B×classes; rows sum to 1. */
  readonly targets: Tensor;
}

function checkOptions(options: MixupOptions, batch: number): void {
  const { classes, mixupAlpha = 1, cutmixAlpha = 0, cutmixMinmax, labelSmoothing = 0.1 } = options;
  checkProbability("mixup", "probability", options.probability ?? 1);
  checkProbability("mixup", "switchProbability", options.switchProbability ?? 0.5);
  if (!Number.isInteger(classes) || classes < 1) {
    throw new RangeError(`mixup: classes is ${classes}; expected a whole number, at least 1.`);
  }
  if (!(mixupAlpha >= 0 && cutmixAlpha >= 0 && mixupAlpha + cutmixAlpha < Infinity)) {
    throw new RangeError(
      `mixup: mixupAlpha is ${mixupAlpha} and cutmixAlpha is ${cutmixAlpha}; expected numbers from 0 on.`,
    );
  }
  if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
    throw new RangeError(`mixup: labelSmoothing is ${labelSmoothing}; expected a share from 0 to below 1.`);
  }
  if (cutmixMinmax !== undefined) {
    const [low, high] = cutmixMinmax;
    if (!(low >= 0 && low < high && high <= 1)) {
      throw new RangeError(
        `mixup: cutmixMinmax is [${low}, ${high}]; expected two rising shares from 0 to 1.`,
      );
    }
  }
  if (batch % 2 !== 0) {
    throw new RangeError(
      `mixup: the batch has ${batch} pictures; ` +
        "picture i is mixed with picture B − 1 − i, so that their number must be even.",
    );
  }
}

/**
 * How a batch is mixed, picture by picture. Partners are mirrored, as in timm: picture i with picture B − 1 − i.
 *
 * @param options What is mixed how.
 * @param size The batch's.
 * @param stream Where random numbers come from.
 * @throws RangeError If an option is out of its range or the batch is odd.
 */
export function planMixup(options: MixupOptions, size: MixSize, stream: RandomStream): MixPlan[] {
  const { batch, height, width } = size;
  checkOptions(options, batch);
  const { mixupAlpha = 1, cutmixMinmax, probability = 1, switchProbability = 0.5, mode = "batch" } = options;
  const { cutmixAlpha: givenAlpha = 0, correctLambda = true } = options;
  const cutmixAlpha = cutmixMinmax === undefined ? givenAlpha : 1;
  const draw = (): Omit<MixPlan, "partner"> => {
    const nothing = { lambda: 1, box: null };
    if (!(stream.uniform() < probability) || mixupAlpha + cutmixAlpha === 0) return nothing;
    const cut = cutmixAlpha > 0 && (mixupAlpha === 0 || stream.uniform() < switchProbability);
    const lambda = drawBeta(stream, cut ? cutmixAlpha : mixupAlpha);
    if (!cut || lambda === 1) return { lambda, box: null };
    const box =
      cutmixMinmax === undefined
        ? boxByLambda(lambda, height, width, stream)
        : boxBetween(cutmixMinmax, height, width, stream);
    // timm corrects lambda always where the box does not come from it.
    const left = 1 - (box.rows * box.columns) / (height * width);
    const share = correctLambda || cutmixMinmax !== undefined ? left : lambda;
    return {
      lambda: share,
      box: box.rows * box.columns > 0 ? box : { top: 0, left: 0, rows: 0, columns: 0 },
    };
  };
  const plans: Omit<MixPlan, "partner">[] = [];
  for (let place = 0; place < batch; place++) {
    if (mode === "batch" && place > 0) plans.push(plans[0]!);
    else if (mode === "pair" && place >= batch / 2) plans.push(plans[batch - 1 - place]!);
    else plans.push(draw());
  }
  return plans.map((plan, place) => ({ ...plan, partner: batch - 1 - place }));
}

/** A box of the share 1 − lambda around a random place, cut at the border. */
function boxByLambda(lambda: number, height: number, width: number, stream: RandomStream): MixBox {
  const ratio = Math.sqrt(1 - lambda);
  const along = (size: number) => {
    const side = Math.trunc(size * ratio);
    const middle = stream.integer(size);
    const from = Math.max(0, middle - Math.floor(side / 2));
    return [from, Math.min(size, middle + Math.floor((side + 1) / 2)) - from] as const;
  };
  const [top, rows] = along(height);
  const [left, columns] = along(width);
  return { top, left, rows, columns };
}

/** A box whose sides are random shares of the picture's. */
function boxBetween(
  [low, high]: readonly [number, number],
  height: number,
  width: number,
  stream: RandomStream,
): MixBox {
  const along = (size: number) => {
    const least = Math.trunc(size * low);
    const side = least + stream.integer(Math.max(1, Math.trunc(size * high) - least));
    return [stream.integer(size - side + 1), side] as const;
  };
  const [top, rows] = along(height);
  const [left, columns] = along(width);
  return { top, left, rows, columns };
}

/**
 * mixup (Zhang et al. 2018) and CutMix (Yun et al. 2019) of a batch, with targets that are mixed alike and smoothed.
 * timm's `Mixup`.
 *
 * @param images B×C×H×W, B even.
 * @param labels The class of each picture, int32 [B] on the device. One that is not a class is reported at the next
 * `await`.
 * @param key What the draws depend on: the run's seed and the step.
 * @throws RangeError If an option or a shape is out of its range.
 *
 * @example
 * ```ts
 * import { tensor, zeros } from "@splitmask/autograd";
 * import { mixup } from "@splitmask/augmentation";
 * import { createDevice } from "@splitmask/kernels";
 *
 * const device = createDevice();
 * const images = zeros(device, [4, 3, 32, 32]);
 * const labels = tensor(device, Int32Array.of(0, 1, 2, 1), [4], { dtype: "int32" });
 * const mixed = mixup(images, labels, { classes: 3, mixupAlpha: 0.8, cutmixAlpha: 1 }, { seed: 7, step: 0 });
 * console.log(mixed.targets.shape); // [4, 3]
 * device.close();
 * ```
 */
export function mixup(
  images: Tensor,
  labels: Tensor,
  options: MixupOptions,
  key: { readonly seed: number; readonly step: number },
): MixedBatch {
  const { shape } = images;
  const [batch = 0, , height = 0, width = 0] = shape;
  if (
    shape.length !== 4 ||
    labels.dtype !== "int32" ||
    labels.shape.length !== 1 ||
    labels.shape[0] !== batch
  ) {
    throw new RangeError(
      `mixup: images is ${shape.join("×")} and labels is ${labels.dtype} ${labels.shape.join("×")}; ` +
        "expected B×C×H×W and int32 [B].",
    );
  }
  const plans = planMixup(options, { batch, height, width }, new RandomStream({ ...key, purpose: "mixup" }));
  return mixPictures(images, labels, plans, options);
}

/**
 * Mixes a batch as planned: two kernel calls.
 *
 * @param images B×C×H×W.
 * @param labels The class of each picture, int32 [B] on the device.
 * @param plans One a picture.
 */
export function mixPictures(
  images: Tensor,
  labels: Tensor,
  plans: readonly MixPlan[],
  options: Pick<MixupOptions, "classes" | "labelSmoothing">,
): MixedBatch {
  const { device, shape } = images;
  const [batch, channels, height, width] = shape as [number, number, number, number];
  const { classes, labelSmoothing: smoothing = 0.1 } = options;
  const output = empty(device, shape, "float32");
  device.run("mixImages", "float32", {
    ...{ output, input: images, channels, height, width },
    // A box without area takes nothing from the partner: lambda 1 for the pixels, whatever it is for the targets.
    each: plans.map(({ partner, lambda, box }) => ({
      partner,
      lambda: box === null ? lambda : 1,
      ...(box ?? { top: 0, left: 0, rows: 0, columns: 0 }),
    })),
  });
  const targets = empty(device, [batch, classes], "float32");
  device.run("mixTargets", "float32", {
    ...{ output: targets, labels, classes, smoothing },
    each: plans.map(({ partner, lambda }) => ({ partner, lambda })),
  });
  return { images: output, targets };
}
