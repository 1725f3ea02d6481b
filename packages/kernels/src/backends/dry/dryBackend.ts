import type { Backend } from "../../backend.js";
import { kernelTable } from "../../kernelTable.js";
import { DryDevice } from "./dryDevice.js";

interface Arguments {
  readonly buffers: readonly string[];
  readonly numbers: readonly string[];
}

const nothing: Arguments = { buffers: [], numbers: [] };

/** The kernels of the table, in its order. */
const kernels = Object.entries<Arguments & { readonly each?: Arguments }>(kernelTable).map(
  ([name, { buffers, numbers, each = nothing }]) => ({
    name,
    buffers: buffers.length,
    numbers: numbers.length,
    eachBuffers: each.buffers.length,
    eachNumbers: each.numbers.length,
  }),
);

/**
 * Takes the calls of a real device and computes nothing: what is downloaded is zeros. Its memory and its profiles are those of the native backend, block by
 * block and call by call, so that a step on it tells what the step costs; it holds none of the memory that it counts.
 */
export const dryBackend: Backend = {
  name: "dry",
  lacks: ["values", "checkFinite", "checksum"],
  kernels: () => kernels,
  open: ({ instructionSet }) => ({
    instructionSet: instructionSet === "auto" ? "portable" : instructionSet,
    device: new DryDevice(kernels),
  }),
};
