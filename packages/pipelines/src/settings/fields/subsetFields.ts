import { type Decided, field } from "@splitmask/methods/settings";
import { z } from "zod";

/** Which pictures are used. */
export const subsetFields = {
  subset: field(z.string().min(1), {
    description:
      'Use only some pictures: a share ("10%"), a number ("1000"), or a file with one index a line; all when not given',
    placeholder: "<share|n|file>",
  }),
  perClass: field(z.int().positive(), {
    description: "Use only so many pictures of every class; all when not given",
    placeholder: "<n>",
  }),
  maximumSkipped: field(z.number().min(0).max(1), {
    description:
      "Largest share of pictures that may be unreadable before the run stops, 0 to 1; 0.1 when not given",
    placeholder: "<share>",
    mayChange: true,
  }),
};

/** Which pictures are used; null: all. */
export type DecidedSubset = Decided<typeof subsetFields, "subset" | "perClass">;
