import { type Decided, field } from "@splitmask/methods/settings";
import { z } from "zod";
import { parseDuration } from "../duration.js";

const duration = z
  .string()
  .refine((text) => parseDuration(text) !== null, { error: 'a duration such as "90s", "20m", "1h30m"' });

/** How much is done in a step, and how many steps are done. */
export const lengthFields = {
  batch: field(z.int().positive(), {
    description: "Pictures a step; 128 or fewer, by the number of pictures and the memory, when not given",
    placeholder: "<n>",
  }),
  accumulate: field(z.int().positive(), {
    description:
      "Micro-batches that a batch is gone through in, of which it must be a multiple: the same step with less memory, " +
      "and where a loss compares pictures with one more forward pass; as many as the memory needs when not given",
    placeholder: "<n>",
  }),
  steps: field(z.int().positive(), {
    description:
      "Training steps; instead of epochs or time; chosen by the number of pictures when none is given",
    placeholder: "<n>",
  }),
  epochs: field(z.number().positive(), {
    description: "Passes over the pictures; instead of steps or time",
    placeholder: "<n>",
  }),
  time: field(duration, {
    description:
      'How long the whole run may take, e.g. "90s", "20m" or "1h30m", instead of steps or epochs: what is not given ' +
      "is chosen for it, and as many steps are done as fit, also where the machine gets slower or faster (to repeat a " +
      "run exactly, give steps); a resumed run has what is left of it",
    placeholder: "<duration>",
  }),
};

/** How long a run is: `steps`, or `seconds` where a time is given. */
export type DecidedLength = Decided<Omit<typeof lengthFields, "epochs" | "time">, "steps"> & {
  /** How long to train, in seconds; null where `steps` is given. */
  readonly seconds: number | null;
};
