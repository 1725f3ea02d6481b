import { type Decided, field } from "@splitmask/methods/settings";
import { z } from "zod";

/** Which pictures are used. */
export const subsetFields = {
  subset: field(z.string().min(1), {
    description:
      'Use only some pictures: a share ("10%"), a number ("1000"), or a file with one index per line. Default: ' +
      "all",
    placeholder: "<share|n|file>",
  }),
  perClass: field(z.int().positive(), {
    description: "Use only this many pictures of each class. Default: all",
    placeholder: "<n>",
  }),
  maximumSkipped: field(z.number().min(0).max(1), {
    description: "Share of unreadable pictures above which the run stops. Default: 0.1",
    placeholder: "<share>",
    mayChange: true,
  }),
};

/** Which pictures are used; null: all. */
export type DecidedSubset = Decided<typeof subsetFields, "subset" | "perClass">;
