import { z } from "zod";
import { field } from "./settings/field.js";

const count = z.int().positive();
const share = z.number().gt(0).max(1);

/** A discrete VAE's own settings. */
export const discreteVaeFields = {
  vocabulary: field(count, {
    description: "Number of visual words. Default: 8192, as in the paper",
    placeholder: "<n>",
  }),
  hiddenWidth: field(z.int().positive().multipleOf(4), {
    description:
      "Channels of the convolutions at full resolution, twice as many after each of three halvings; a multiple of " +
      "4. Default: 32; the paper has 256, for GPUs",
    placeholder: "<n>",
  }),
  blocks: field(count, {
    description: "Residual blocks at each of the four resolutions. Default: 2, as in the paper",
    placeholder: "<n>",
  }),
  reconstruction: field(z.enum(["logit-laplace", "squares"]), {
    description:
      "What reconstructed pixels cost: logit-laplace, the paper's likelihood, or squares, the mean squared error. " +
      "Default: logit-laplace",
    placeholder: "<loss>",
  }),
  divergenceWeight: field(z.number().min(0), {
    description:
      "Weight of the words' divergence from the uniform prior; a larger one uses more words. Default: 6.6, as in " +
      "the paper",
    placeholder: "<value>",
  }),
  divergenceShare: field(share, {
    description: "Share of the steps in which that weight rises from 0. Default: 1/240, as in the paper",
    placeholder: "<share>",
  }),
  temperature: field(z.number().positive(), {
    description: "Last temperature of the Gumbel-softmax, which begins at 1. Default: 1/16, as in the paper",
    placeholder: "<value>",
  }),
  temperatureShare: field(share, {
    description: "Share of the steps in which the temperature falls. Default: 1/8, as in the paper",
    placeholder: "<share>",
  }),
};
