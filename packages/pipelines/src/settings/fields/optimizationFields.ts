import { type Decided, field } from "@splitmask/methods/settings";
import { z } from "zod";

const positive = z.number().positive();
const nonNegative = z.number().min(0);

/** What changes the weights, and how fast. */
export const optimizationFields = {
  optimizer: field(z.enum(["adamw", "sgd", "lars"]), {
    description: "Optimizer; sgd and lars need a learningRate. Default: adamw",
    placeholder: "<name>",
  }),
  learningRate: field(positive, {
    description:
      "Peak learning rate. Default: the recipe's, scaled to the batch and, for pre-training, to the width",
    placeholder: "<value>",
  }),
  minimumLearningRate: field(nonNegative, {
    description:
      "Final learning rate of the schedules cosine and linear. Default: the recipe's share of the peak",
    placeholder: "<value>",
  }),
  warmup: field(z.int().min(0), {
    description: "Steps of linear warm-up. Default: the recipe's share of the steps",
    placeholder: "<steps>",
  }),
  schedule: field(z.enum(["cosine", "linear", "step", "multi-step", "constant"]), {
    description:
      "Learning rate after the warm-up: cosine, linear, step (falls every decayEvery steps), multi-step (falls " +
      "at the milestones) or constant. Default: cosine",
    placeholder: "<name>",
  }),
  decayEvery: field(z.int().positive(), {
    description: "Steps between two falls of the learning rate; only for the schedule step, which needs it",
    placeholder: "<steps>",
  }),
  milestones: field(z.array(z.int().positive()).min(1).readonly(), {
    description: "Steps at which the learning rate falls; only for the schedule multi-step, which needs them",
    placeholder: "<steps,…>",
  }),
  decayFactor: field(positive, {
    description: "Factor by which the learning rate falls in the schedules step and multi-step. Default: 0.1",
    placeholder: "<factor>",
  }),
  momentum: field(z.number().min(0).lt(1), {
    description: "Momentum of sgd and lars. Default: 0.9",
    placeholder: "<share>",
  }),
  weightDecay: field(nonNegative, {
    description:
      "Weight decay of all parameters but biases, norms, positions and tokens. Default: the recipe's for adamw, " +
      "0 for sgd and lars",
    placeholder: "<value>",
  }),
  weightDecayEnd: field(nonNegative, {
    description: "Weight decay at the last step, reached along a cosine. Default: weightDecay stays constant",
    placeholder: "<value>",
  }),
  layerDecay: field(z.number().gt(0).max(1), {
    description:
      "Layer-wise learning rate decay: each layer's rate is this factor times that of the layer above (BEiT: " +
      "0.65). Default: 1, which is none; for fine-tuning the recipe's",
    placeholder: "<factor>",
  }),
  freeze: field(z.array(z.string().min(1)).min(1).readonly(), {
    description:
      'Parameters that are not trained, by name; * stands for any characters, as in "encoder.patch_embed.*". ' +
      "Default: none",
    placeholder: "<names,…>",
  }),
  clip: field(nonNegative, {
    description: "Largest norm of the gradient; 0: no clipping. Default: the recipe's",
    placeholder: "<norm>",
  }),
  clipMode: field(z.enum(["global", "tensor"]), {
    description:
      "What clip limits: the norm of all gradients together (global), or of each tensor's gradient (tensor). " +
      "Default: global",
    placeholder: "<mode>",
  }),
  ema: field(z.number().min(0).lt(1), {
    description:
      "Decay of a moving average of the weights, such as 0.999; the average is what is evaluated and exported. " +
      "0: none. Default: none; for fine-tuning the recipe's",
    placeholder: "<decay>",
  }),
};

/** What changes the weights, decided; the warm-up is null where the number of steps is not known yet. */
export type DecidedOptimization = Decided<
  typeof optimizationFields,
  "warmup" | "decayEvery" | "milestones" | "weightDecayEnd" | "ema"
>;
