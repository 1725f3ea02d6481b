/**
 * The shallow inpainting decoder of SplitMask.
 *
 * @packageDocumentation
 */
export { type InpaintingDecoderConfig, resolveInpaintingDecoderConfig } from "./config.js";
export { InpaintingDecoder, type InpaintingDecoderInput } from "./inpaintingDecoder.js";
