import { type Decided, field } from "@splitmask/methods/settings";
import { z } from "zod";

const precision = z
  .enum(["float32", "bfloat16", "bf16"])
  .transform((format) => (format === "bf16" ? "bfloat16" : format));

/** How it is computed. */
export const runFields = {
  precision: field(precision, {
    description:
      "Number format of the large products; bf16 (or bfloat16) is faster and rounds more; float32 when not given",
    placeholder: "<format>",
  }),
  recompute: field(z.boolean(), {
    description:
      "Keep only the input of each transformer block and run it again in the backward pass: a third more time, a " +
      "fraction of the memory; when not given only to pre-train, where the memory needs it",
    mayChange: true,
  }),
  cache: field(z.enum(["auto", "on", "off"]), {
    description:
      "Decoded pictures on disk, shared by all runs; auto, when not given: where they do not fit into memory and the " +
      "run passes over them more than twice, or where they are there already",
    placeholder: "<when>",
    mayChange: true,
  }),
  cacheFolder: field(z.string().min(1), {
    description:
      "Folder of the caches, also for unpacked .tar.gz; SPLITMASK_CACHE or ~/.cache/splitmask when not given",
    placeholder: "<folder>",
    mayChange: true,
  }),
  seed: field(z.int().min(0).max(0xffffffff), {
    description: "Seed of all randomness; 0 when not given",
    placeholder: "<n>",
  }),
  threads: field(z.int().positive(), {
    description: "Threads of the computation; all cores when not given",
    placeholder: "<n>",
    mayChange: true,
  }),
  checkpointEvery: field(z.int().positive(), {
    description:
      "Steps between checkpoints; ten a run, and one a quarter of an hour at least, when not given",
    placeholder: "<steps>",
    mayChange: true,
  }),
  keepCheckpoints: field(z.int().positive(), {
    description:
      "How many of the latest checkpoints stay, besides the one with the lowest loss; 2 when not given",
    placeholder: "<n>",
    mayChange: true,
  }),
  onNan: field(z.enum(["stop", "skip", "rollback"]), {
    description:
      "What happens when the loss or a gradient is NaN or infinite: stop; skip the step; or go back to the last " +
      "checkpoint and on with half the learning rate (both at most 10 times); stop when not given",
    placeholder: "<what>",
    mayChange: true,
  }),
};

/** How it is computed, decided; null: all threads, the usual folder. */
export type DecidedRun = Decided<typeof runFields, "cacheFolder" | "threads">;
