/**
 * The C++ kernels of SplitMask behind a typed binding: a device is an in-order queue of kernels over counted buffers.
 * @packageDocumentation
 */
export { createDevice, Device, type DeviceMemory, type DeviceOptions } from "./device.js";
export { DeviceBuffer } from "./deviceBuffer.js";
export { availableInstructionSets, type CpuInfo, cpuInfo, type InstructionSet } from "./instructionSets.js";
export type {
  BufferArgument,
  ItemArguments,
  KernelArguments,
  KernelName,
  NamedArguments,
} from "./kernelArguments.js";
export {
  binaryOperations,
  type DType,
  type KernelSignature,
  kernelTable,
  type ListKernelSignature,
  unaryOperations,
} from "./kernelTable.js";
