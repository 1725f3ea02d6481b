import type { RandomStream } from "@splitmask/autograd";
import { checkProbability } from "./draws.js";
import type { Operation } from "./operations.js";

/**
 * What happens to one picture: a box is cut out, resized to the view's size, mirrored, and goes through the operations.
 */
export interface AugmentationPlan {
  /** Upper border of the box, in pixels of the decoded picture (fractions allowed). */
  readonly cropY: number;
  /** Left border of the box. */
  readonly cropX: number;
  /** Rows of the box. */
  readonly cropHeight: number;
  /** Columns of the box. */
  readonly cropWidth: number;
  /** Whether the result is mirrored left to right. */
  readonly flip: boolean;
  /** Whether the result is mirrored top to bottom. Default false. */
  readonly verticalFlip?: boolean;
  /**
   * Whether the box is cut out before it is resized, as torchvision does, so that the filter repeats no pixel from
   * beyond it. Default false: at its border the filter reads the picture's own pixels.
   */
  readonly confined?: boolean;
  /** The filter of the resize, antialiased. Default bicubic. */
  readonly interpolation?: "bicubic" | "bilinear";
  /** What is done then, in this order. Default nothing. */
  readonly operations?: readonly Operation[];
}

/** A rule that plans what happens to a picture. */
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

/** A rule that goes on with a plan: mirrors it, or adds operations. */
export interface AugmentationStep {
  /** For logs and saved configurations, e.g. `colorJitter(0.4, 0.4, 0.4, 0)`. */
  readonly name: string;
  /**
   * The plan with this step behind it.
   *
   * @param plan What happens so far.
   * @param stream Where random numbers come from.
   */
  extend(plan: AugmentationPlan, stream: RandomStream): AugmentationPlan;
}

/**
 * A crop and the steps behind it, as torchvision's `Compose`. The crop draws first: its boxes are the same with or
 * without steps.
 *
 * @param crop `randomResizedCrop`, `resizeCenterCrop`, `centerCrop`, or another rule.
 * @param steps What follows, in order.
 */
export function compose(crop: Augmentation, steps: readonly AugmentationStep[]): Augmentation {
  return {
    name: [crop, ...steps].map(({ name }) => name).join(", "),
    plan: (height, width, stream) =>
      steps.reduce((plan, step) => step.extend(plan, stream), crop.plan(height, width, stream)),
  };
}

/** A step that adds operations. */
export function operationStep(
  name: string,
  draw: (stream: RandomStream) => readonly Operation[],
): AugmentationStep {
  return {
    name,
    extend: (plan, stream) => {
      const added = draw(stream);
      return added.length === 0 ? plan : { ...plan, operations: [...(plan.operations ?? []), ...added] };
    },
  };
}

/**
 * With a probability a step, else nothing. torchvision's `RandomApply`.
 *
 * @throws RangeError If the probability is none.
 */
export function randomApply(step: AugmentationStep, probability = 0.5): AugmentationStep {
  checkProbability("randomApply", "probability", probability);
  return {
    name: `${step.name} with ${probability}`,
    extend: (plan, stream) => (stream.uniform() < probability ? step.extend(plan, stream) : plan),
  };
}

function flipStep(
  rule: string,
  probability: number,
  turn: (plan: AugmentationPlan) => AugmentationPlan,
): AugmentationStep {
  checkProbability(rule, "probability", probability);
  return {
    name: `${rule}(${probability})`,
    extend: (plan, stream) => {
      if (plan.operations?.some((operation) => "interpolation" in operation || operation.kind === "erase")) {
        throw new Error(
          `${rule}: a step before it rotates, shears, translates or erases, ` +
            "and flips are done before all operations. Put the flip in front of it.",
        );
      }
      return stream.uniform() < probability ? turn(plan) : plan;
    },
  };
}

/**
 * Mirrors left to right. torchvision's `RandomHorizontalFlip`.
 *
 * @throws RangeError If the probability is none.
 */
export function randomHorizontalFlip(probability = 0.5): AugmentationStep {
  return flipStep("randomHorizontalFlip", probability, (plan) => ({ ...plan, flip: !plan.flip }));
}

/**
 * Mirrors top to bottom. torchvision's `RandomVerticalFlip`.
 *
 * @throws RangeError If the probability is none.
 */
export function randomVerticalFlip(probability = 0.5): AugmentationStep {
  return flipStep("randomVerticalFlip", probability, (plan) => ({
    ...plan,
    verticalFlip: !plan.verticalFlip,
  }));
}
