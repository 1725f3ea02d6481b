/**
 * The C++ kernels of SplitMask behind a typed binding: a device is an in-order queue of kernels over counted buffers.
 * @packageDocumentation
 */
export { type ChromeTrace, chromeTrace, type TraceEvent } from "./chromeTrace.js";
export { checksum, createDevice, Device, type DeviceMemory, type DeviceOptions } from "./device.js";
export { DeviceBuffer } from "./deviceBuffer.js";
export { availableInstructionSets, type CpuInfo, cpuInfo, type InstructionSet } from "./instructionSets.js";
export type {
  BufferArgument,
  ItemArguments,
  KernelArguments,
  KernelName,
  NamedArguments,
} from "./kernelArguments.js";
export { type KernelCost, kernelCost } from "./kernelCosts.js";
export {
  binaryOperations,
  type DType,
  type KernelSignature,
  kernelTable,
  type ListKernelSignature,
  unaryOperations,
} from "./kernelTable.js";
export { type MachineLimits, measureLimits } from "./limits.js";
export type {
  Profile,
  ProfiledArguments,
  ProfiledCall,
  ProfiledCopy,
  ProfiledKernel,
  ProfiledTime,
} from "./profile.js";
export { type LimitName, type ProfileRow, type ProfileSummary, summarizeProfile } from "./profileSummary.js";
