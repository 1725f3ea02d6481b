import type { Backend } from "../../backend.js";
import {
  type AnyPart,
  entryOf,
  type KernelName,
  kernelTable,
  numbersOf,
  signatureOf,
} from "../../kernelTable.js";
import { DryDevice } from "./dryDevice.js";

const counted = (part: AnyPart | null) => ({
  buffers: part === null ? 0 : Object.keys(part.buffers).length,
  numbers: part === null ? 0 : numbersOf(part).length,
});

/** The kernels of the table, in its order. */
const kernels = Object.keys(kernelTable).map((name) => {
  const entry = entryOf(name as KernelName);
  return { name, signature: signatureOf(entry), own: counted(entry), each: counted(entry.each) };
});

/**
 * Takes the calls of a real device and computes nothing: what is downloaded is zeros. Its memory and its profiles are
 * those of the native backend, block by block and call by call, so that a step on it tells what the step costs; it
 * holds none of the memory that it counts.
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
