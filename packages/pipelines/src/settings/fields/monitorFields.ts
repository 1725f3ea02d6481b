import { type Decided, field } from "@splitmask/methods/settings";
import { z } from "zod";

/** How pre-training is looked at while it goes on. */
export const monitorFields = {
  healthEvery: field(z.int().min(0), {
    description:
      "Steps between two measurements of the figures that warn of a collapse, such as the variance of the " +
      "descriptors; 0: never. Default: 50",
    placeholder: "<steps>",
    mayChange: true,
  }),
  monitor: field(z.string().min(1), {
    description:
      "Labeled pictures that measure k-NN accuracy during training; it is printed and recorded, and the " +
      "checkpoint with the best accuracy is kept. Default: none",
    placeholder: "<pictures>",
    mayChange: true,
  }),
  monitorTest: field(z.string().min(1), {
    description:
      "Labeled pictures with the same classes that the monitor classifies. Default: a held-out third of the " +
      "monitor's pictures",
    placeholder: "<pictures>",
    mayChange: true,
  }),
  monitorEvery: field(z.int().positive(), {
    description: "Steps between two evaluations of the monitor. Default: a tenth of the steps",
    placeholder: "<steps>",
    mayChange: true,
  }),
  monitorPictures: field(z.int().min(3), {
    description:
      "Largest number of pictures that the monitor uses: two thirds vote, one third is classified. Default: 3000",
    placeholder: "<n>",
    mayChange: true,
  }),
};

/** How pre-training is looked at, decided; null: not by the monitor, and no pictures of its own to test with. */
export type DecidedMonitor = Decided<typeof monitorFields, "monitor" | "monitorTest">;
