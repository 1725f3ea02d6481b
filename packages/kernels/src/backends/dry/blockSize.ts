const alignment = 64;
const largeFrom = 2 ** 20;
const page = 4096;

/**
 * What the native pool takes for a request of so many bytes: whole pages from 1 MiB on, else a size class
 * (`MemoryPool::sizeOf` of the addon).
 */
export function blockSize(bytes: number): number {
  if (bytes >= largeFrom) return roundUp(bytes, page);
  if (bytes <= 8 * alignment) return roundUp(Math.max(bytes, 1), alignment);
  // Eight classes between powers of two.
  return roundUp(bytes, 2 ** (31 - Math.clz32(bytes - 1)) / 8);
}

function roundUp(bytes: number, step: number): number {
  return Math.ceil(bytes / step) * step;
}
