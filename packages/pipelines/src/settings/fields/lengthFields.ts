import { type Decided, field } from "@splitmask/methods/settings";
import { z } from "zod";
import { parseDuration } from "../duration.js";

const duration = z
  .string()
  .refine((text) => parseDuration(text) !== null, { error: 'a duration such as "90s", "20m", "1h30m"' });

/** How much is done in a step, and how many steps are done. */
export const lengthFields = {
  batch: field(z.int().positive(), {
    description: "Pictures per step. Default: 128, or fewer if the pictures are few or the memory is small",
    placeholder: "<n>",
  }),
  accumulate: field(z.int().positive(), {
    description:
      "Micro-batches per step; batch must be a multiple of it. The step stays the same and takes less memory; a " +
      "loss that compares pictures needs one more forward pass. Default: as many as the memory requires",
    placeholder: "<n>",
  }),
  steps: field(z.int().positive(), {
    description: "Training steps, instead of epochs or time. Default: chosen from the number of pictures",
    placeholder: "<n>",
  }),
  epochs: field(z.number().positive(), {
    description: "Passes over the pictures, instead of steps or time",
    placeholder: "<n>",
  }),
  time: field(duration, {
    description:
      'Time for the whole run, such as "90s", "20m" or "1h30m", instead of steps or epochs. Model and other ' +
      "settings are chosen for it, and the number of steps follows the machine's speed. A resumed run has the " +
      "time that is left. To repeat a run exactly, give steps instead",
    placeholder: "<duration>",
  }),
};

/** How long a run is: `steps`, or `seconds` where a time is given. */
export type DecidedLength = Decided<Omit<typeof lengthFields, "epochs" | "time">, "steps"> & {
  /** How long to train, in seconds; null where `steps` is given. */
  readonly seconds: number | null;
};
