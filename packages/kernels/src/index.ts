/**
 * The C++ kernels of SplitMask with a typed binding: a device is an in-order queue of kernels on reference-counted
 * buffers.
 * @packageDocumentation
 */

export { buildCommand } from "#platform";
export type {
  Backend,
  BackendDevice,
  BackendFeature,
  BackendKernel,
  BackendOptions,
  CacheSizes,
  InstructionSet,
  OpenedBackend,
} from "./backend.js";
export { type BinaryAttempt, MissingBinaryError } from "./backends/native/missingBinary.js";
export { availableWasmSets, type LoadWasmOptions, loadWasm } from "./backends/wasm/wasmModules.js";
export { type Balance, type BalanceRow, balanceOf } from "./balance.js";
export { checksum } from "./checksum.js";
export { type ChromeTrace, chromeTrace, type TraceEvent } from "./chromeTrace.js";
export { availableInstructionSets, type CpuInfo, cpuInfo } from "./cpuInfo.js";
export { createDevice, type DeviceOptions } from "./createDevice.js";
export { Device, type DeviceMemory } from "./device.js";
export { DeviceBuffer } from "./deviceBuffer.js";
export type { DType } from "./dtype.js";
export type { BufferArgument, ItemArguments, KernelArguments, NamedArguments } from "./kernelArguments.js";
export { type KernelCost, kernelCost } from "./kernelCosts.js";
export { estimateSeconds, type KernelRates, measureRates } from "./kernelRates.js";
export {
  activatedOperands,
  anyElementTypes,
  binaryDerivatives,
  binaryOperations,
  comparisons,
  convolutionActivations,
  distributions,
  elementTypes,
  eraseModes,
  mostBlurTaps,
  outputActivations,
  packedColumns,
  pictureFilters,
  pictureOperationNumbers,
  pictureOperations,
  productPrecisions,
  reductions,
  splitModes,
  unaryOperations,
  weightFormats,
} from "./kernels/codes.js";
export type {
  CheckedPart,
  Kernel,
  KernelBuffer,
  KernelPart,
  ListKernel,
  NumbersOf,
  OptionalKernelBuffer,
  TypeByCode,
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
  SimulatedWork,
} from "./profile.js";
export { type LimitName, type ProfileRow, type ProfileSummary, summarizeProfile } from "./profileSummary.js";
export { measureQueueCosts, type QueueCosts } from "./queueCosts.js";
