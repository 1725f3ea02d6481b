import type { Backend } from "../../backend.js";
import { entryOf, type KernelName, kernelTable, signatureOf } from "../../kernelTable.js";
import { DryDevice } from "./dryDevice.js";

/** The kernels of the table, in its order. */
const names = Object.keys(kernelTable) as KernelName[];

/**
 * Takes the calls of a real device and computes nothing: what is downloaded is zeros. Its memory and its profiles are those of the native backend, block by
 * block and call by call, so that a step on it tells what the step costs; it holds none of the memory that it counts.
 */
export const dryBackend: Backend = {
  name: "dry",
  lacks: ["values", "checkFinite", "checksum"],
  kernels: () => names.map((name) => ({ name, signature: signatureOf(entryOf(name)) })),
  open: ({ instructionSet }) => ({
    instructionSet: instructionSet === "auto" ? "portable" : instructionSet,
    device: new DryDevice(names.map(entryOf)),
  }),
};
