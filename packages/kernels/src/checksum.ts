import { nativeAddon } from "#platform";
import { nativeBackend } from "./backends/native/nativeBackend.js";
import { wasmChecksum } from "./backends/wasm/wasmModule.js";
import { defaultBackend } from "./defaultBackend.js";

/** XXH64 with seed 0 of some bytes: what `device.checksum` says of the same bytes in a mapped file. */
export function checksum(bytes: Uint8Array): bigint {
  return defaultBackend() === nativeBackend ? nativeAddon().checksum(bytes) : wasmChecksum(bytes);
}
