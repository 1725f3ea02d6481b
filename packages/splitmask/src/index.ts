/**
 * Every package of SplitMask in one.
 *
 * @packageDocumentation
 */
export * from "@splitmask/augmentation";
export * from "@splitmask/autograd";
export * from "@splitmask/cli";
export * from "@splitmask/data";
export * from "@splitmask/decoder";
export * from "@splitmask/eval";
export * from "@splitmask/files";
export * from "@splitmask/kernels";
export * from "@splitmask/losses";
export * from "@splitmask/methods";
export * from "@splitmask/nn";
export * from "@splitmask/onnx";
export * from "@splitmask/optim";
export * from "@splitmask/pipelines";
export * from "@splitmask/report";
export * from "@splitmask/tokenizer";
// Both packages have these two; the data loader's fit where the loop asks for its own.
export type { BatchSource, SkippedPicture } from "@splitmask/trainer";
export * from "@splitmask/trainer";
export * from "@splitmask/vit";
