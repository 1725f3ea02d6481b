import { type Decided, field } from "@splitmask/methods/settings";
import { z } from "zod";

/** How pre-training is looked at while it goes on. */
export const monitorFields = {
  healthEvery: field(z.int().min(0), {
    description:
      "Steps between two looks at the figures that warn of a collapse, such as the spread of the descriptors, 0: none; " +
      "50 when not given",
    placeholder: "<steps>",
    mayChange: true,
  }),
  monitor: field(z.string().min(1), {
    description:
      "Labelled pictures that the encoder is looked at with while it trains: its k-NN accuracy is told and recorded, " +
      "and its best checkpoint kept; none when not given",
    placeholder: "<pictures>",
    mayChange: true,
  }),
  monitorTest: field(z.string().min(1), {
    description:
      "Labelled pictures with the same classes that are classified; a third of those of the monitor, held out, when not given",
    placeholder: "<pictures>",
    mayChange: true,
  }),
  monitorEvery: field(z.int().positive(), {
    description: "Steps between two looks of the monitor; a tenth of the steps when not given",
    placeholder: "<steps>",
    mayChange: true,
  }),
  monitorPictures: field(z.int().min(3), {
    description:
      "Largest number of pictures of the monitor: two thirds vote, one third is classified; 3000 when not given",
    placeholder: "<n>",
    mayChange: true,
  }),
};

/** How pre-training is looked at, decided; null: not by the monitor, and no pictures of its own to test with. */
export type DecidedMonitor = Decided<typeof monitorFields, "monitor" | "monitorTest">;
