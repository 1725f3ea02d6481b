import { type Decided, field } from "@splitmask/methods/settings";
import { z } from "zod";

const precision = z
  .enum(["float32", "bfloat16", "bf16"])
  .transform((format) => (format === "bf16" ? "bfloat16" : format));

/** How it is computed. */
export const runFields = {
  precision: field(precision, {
    description:
      "Number format of large matrix products: bfloat16 (or bf16) is faster and less exact. Default: float32",
    placeholder: "<format>",
  }),
  recompute: field(z.boolean(), {
    description:
      "Gradient checkpointing: keep only the input of each transformer block and run the block again in the " +
      "backward pass. Takes a third more time and a fraction of the memory. Default: for pre-training if the " +
      "memory requires it, for fine-tuning off",
    mayChange: true,
  }),
  cache: field(z.enum(["auto", "on", "off"]), {
    description:
      "Cache of decoded pictures on disk, shared by all runs. auto: use it if it exists; make it if the pictures " +
      "do not fit into memory and the run passes over them more than twice. Default: auto",
    placeholder: "<when>",
    mayChange: true,
  }),
  cacheFolder: field(z.string().min(1), {
    description:
      "Folder of the caches and of unpacked .tar.gz files. Default: SPLITMASK_CACHE, or ~/.cache/splitmask",
    placeholder: "<folder>",
    mayChange: true,
  }),
  seed: field(z.int().min(0).max(0xffffffff), {
    description: "Seed of all random numbers. Default: 0",
    placeholder: "<n>",
  }),
  threads: field(z.int().positive(), {
    description: "Number of threads. Default: all cores",
    placeholder: "<n>",
    mayChange: true,
  }),
  checkpointEvery: field(z.int().positive(), {
    description:
      "Steps between two checkpoints. Default: a tenth of the run, and at most a quarter of an hour",
    placeholder: "<steps>",
    mayChange: true,
  }),
  keepCheckpoints: field(z.int().positive(), {
    description: "Number of latest checkpoints to keep, besides the one with the lowest loss. Default: 2",
    placeholder: "<n>",
    mayChange: true,
  }),
  onNan: field(z.enum(["stop", "skip", "rollback"]), {
    description:
      "What to do when the loss or a gradient is NaN or infinite. stop: end the run; skip: leave the step out; " +
      "rollback: go back to the last checkpoint and continue with half the learning rate (skip and rollback at " +
      "most 10 times). Default: stop",
    placeholder: "<what>",
    mayChange: true,
  }),
};

/** How it is computed, decided; null: all threads, the usual folder. */
export type DecidedRun = Decided<typeof runFields, "cacheFolder" | "threads">;
