import { nativeAddon } from "./loader.js";

/** XXH64 with seed 0 of some bytes: what `device.checksum` says of the same bytes in a mapped file. */
export function checksum(bytes: Uint8Array): bigint {
  return nativeAddon().checksum(bytes);
}
