/** Deterministic test numbers: uniform in [low, high), another sequence for each seed. */
export function sampleNumbers(size: number, seed: number, low = -2, high = 2): Float32Array {
  let state = (seed * 2654435761) >>> 0;
  return Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const mixed = Math.imul(state ^ (state >>> 16), 0x45d9f3b) >>> 0;
    return low + ((high - low) * (mixed >>> 8)) / 2 ** 24;
  });
}

/** Deterministic integers in [0, bound). */
export function sampleIntegers(size: number, seed: number, bound: number): Int32Array {
  return Int32Array.from(sampleNumbers(size, seed, 0, bound), Math.floor);
}

/** Rows × columns that meet empty arrays, tails of every vector width and several tasks. */
export const matrixSizes: readonly (readonly [number, number])[] = [
  [0, 5],
  [1, 1],
  [3, 7],
  [5, 16],
  [2, 1000],
  [45, 384],
  [1003, 17],
];
