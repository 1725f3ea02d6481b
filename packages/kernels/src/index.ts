/**
 * The C++ kernels of SplitMask behind a typed binding: a device is an in-order queue of kernels over counted buffers.
 * @packageDocumentation
 */
export { type ChromeTrace, chromeTrace, type TraceEvent } from "./chromeTrace.js";
export { checksum, createDevice, Device, type DeviceMemory, type DeviceOptions } from "./device.js";
export { DeviceBuffer } from "./deviceBuffer.js";
export type { DType } from "./dtype.js";
export { availableInstructionSets, type CpuInfo, cpuInfo, type InstructionSet } from "./instructionSets.js";
export type { BufferArgument, ItemArguments, KernelArguments, NamedArguments } from "./kernelArguments.js";
export { type KernelCost, kernelCost } from "./kernelCosts.js";
export {
  activatedOperands,
  binaryOperations,
  distributions,
  eraseModes,
  mostBlurTaps,
  pictureFilters,
  pictureOperationNumbers,
  pictureOperations,
  productPrecisions,
  reductions,
  splitModes,
  unaryOperations,
} from "./kernels/codes.js";
export type {
  CheckedPart,
  Kernel,
  KernelBuffer,
  KernelPart,
  ListKernel,
  NumbersOf,
  OptionalKernelBuffer,
} from "./kernels/defineKernel.js";
export { type KernelName, kernelTable } from "./kernelTable.js";
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
