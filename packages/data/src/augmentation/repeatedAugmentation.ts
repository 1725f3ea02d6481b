/**
 * The order of an epoch with every picture `repeats` times in a row, each time augmented anew, and no more places than before: so an epoch sees the first
 * pictures of the order only, about one in `repeats`. Repeated augmentation (Hoffer et al. 2020) as DeiT's and timm's sampler have it, without their rounding to the number of machines.
 * Place p of the result is repetition p modulo `repeats`: the `repeat` of its `PictureKey`.
 *
 * @param order The pictures of an epoch.
 * @param repeats How often each; DeiT: 3.
 * @throws RangeError If `repeats` is no whole number from 1 on.
 */
export function repeatedAugmentation(order: Int32Array, repeats: number): Int32Array<ArrayBuffer> {
  if (!Number.isInteger(repeats) || repeats < 1) {
    throw new RangeError(`repeatedAugmentation: repeats is ${repeats}; expected a whole number, at least 1.`);
  }
  return Int32Array.from(order, (_, place) => order[Math.floor(place / repeats)]!);
}
