// How each side is started.
import { fileURLToPath } from "node:url";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

/**
 * glibc's allocator told to keep what is freed; PyTorch's activations are otherwise mapped and cleared anew in every
 * step.
 */
const keepMemory = {
  MALLOC_MMAP_MAX_: "0",
  MALLOC_TRIM_THRESHOLD_: "100000000000",
  MALLOC_TOP_PAD_: "1000000000",
};
const asInstalled = Object.fromEntries(Object.keys(keepMemory).map((name) => [name, undefined]));

/** A side in Node.js. */
export const nodeSide = (file, settings) => ({
  program: process.execPath,
  arguments: [path(file), JSON.stringify(settings)],
  mend: `${file} could not run`,
});

/** A side in Python; `memory`: whether its allocator keeps memory. */
export const torchSide = (file, settings, memory) => ({
  program: process.env.SPLITMASK_PYTHON ?? "python3",
  arguments: [path(file), JSON.stringify(settings)],
  environment: memory ? keepMemory : asInstalled,
  mend: "needs Python with PyTorch: pip install torch==2.13.0 (SPLITMASK_PYTHON names another Python than python3)",
});
