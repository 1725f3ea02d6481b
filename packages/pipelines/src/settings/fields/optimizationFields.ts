import { type Decided, field } from "@splitmask/methods/settings";
import { z } from "zod";

const positive = z.number().positive();
const nonNegative = z.number().min(0);

/** What changes the weights, and how fast. */
export const optimizationFields = {
  optimizer: field(z.enum(["adamw", "sgd", "lars"]), {
    description: "What changes the weights; adamw when not given, and the others need a learningRate",
    placeholder: "<name>",
  }),
  learningRate: field(positive, {
    description:
      "Peak learning rate; the recipe's, scaled to the batch (to pre-train also to the width), when not given",
    placeholder: "<value>",
  }),
  minimumLearningRate: field(nonNegative, {
    description:
      "Learning rate at the end of a cosine or a line; the recipe's share of the peak when not given",
    placeholder: "<value>",
  }),
  warmup: field(z.int().min(0), {
    description: "Steps of linear warm-up; the recipe's share of the steps when not given",
    placeholder: "<steps>",
  }),
  schedule: field(z.enum(["cosine", "linear", "step", "multi-step", "constant"]), {
    description:
      "How the learning rate falls after the warm-up: along a cosine or a line, in stairs of equal length (decayEvery) " +
      "or at milestones, or not at all; cosine when not given",
    placeholder: "<name>",
  }),
  decayEvery: field(z.int().positive(), {
    description: "Steps between two stairs of the schedule step, which needs them; the others have none",
    placeholder: "<steps>",
  }),
  milestones: field(z.array(z.int().positive()).min(1).readonly(), {
    description:
      "Steps after which the learning rate falls in the schedule multi-step, which needs them; the others have none",
    placeholder: "<steps,…>",
  }),
  decayFactor: field(positive, {
    description: "What the learning rate is multiplied with at a stair; 0.1 when not given",
    placeholder: "<factor>",
  }),
  momentum: field(z.number().min(0).lt(1), {
    description: "Momentum of sgd and lars, 0 to 1; 0.9 when not given",
    placeholder: "<share>",
  }),
  weightDecay: field(nonNegative, {
    description:
      "Weight decay (none on biases, norms, positions and tokens); when not given the recipe's for adamw, " +
      "and 0 for the others",
    placeholder: "<value>",
  }),
  weightDecayEnd: field(nonNegative, {
    description: "Weight decay at the last step, to which it moves along a cosine; it stays when not given",
    placeholder: "<value>",
  }),
  layerDecay: field(z.number().gt(0).max(1), {
    description:
      "Each layer's learning rate is so much of the next one's (BEiT: 0.65); when not given 1, all the same, to " +
      "fine-tune the recipe's",
    placeholder: "<factor>",
  }),
  freeze: field(z.array(z.string().min(1)).min(1).readonly(), {
    description:
      'Parameters that stay as they are: names in which * stands for any characters, such as "encoder.patch_embed.*"; ' +
      "none when not given",
    placeholder: "<names,…>",
  }),
  clip: field(nonNegative, {
    description: "Largest norm of the gradient, 0: no clipping; the recipe's when not given",
    placeholder: "<norm>",
  }),
  clipMode: field(z.enum(["global", "tensor"]), {
    description:
      "Whether that norm is of all gradients together or of each tensor by itself; global when not given",
    placeholder: "<mode>",
  }),
  ema: field(z.number().min(0).lt(1), {
    description:
      "Decay of a moving average of the weights, such as 0.999, which then is what is evaluated and exported, 0: none; " +
      "when not given none, to fine-tune the recipe's",
    placeholder: "<decay>",
  }),
};

/** What changes the weights, decided; the warm-up is null where the number of steps is not known yet. */
export type DecidedOptimization = Decided<
  typeof optimizationFields,
  "warmup" | "decayEvery" | "milestones" | "weightDecayEnd" | "ema"
>;
