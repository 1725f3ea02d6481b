/**
 * The C++ kernels of SplitMask behind a typed binding: a device is an in-order queue of kernels over counted buffers.
 * @packageDocumentation
 */

export type {
  Backend,
  BackendDevice,
  BackendFeature,
  BackendKernel,
  BackendOptions,
  InstructionSet,
  OpenedBackend,
} from "./backend.js";
export { checksum } from "./backends/native/checksum.js";
export { availableInstructionSets } from "./backends/native/instructionSets.js";
export { type ChromeTrace, chromeTrace, type TraceEvent } from "./chromeTrace.js";
export { type CpuInfo, cpuInfo } from "./cpuInfo.js";
export { createDevice, type DeviceOptions } from "./createDevice.js";
export { Device, type DeviceMemory } from "./device.js";
export { DeviceBuffer } from "./deviceBuffer.js";
export type {
  BufferArgument,
  ItemArguments,
  KernelArguments,
  KernelName,
  NamedArguments,
} from "./kernelArguments.js";
export { type KernelCost, kernelCost } from "./kernelCosts.js";
export { estimateSeconds, type KernelRates, measureRates } from "./kernelRates.js";
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
