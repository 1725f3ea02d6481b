/** The last place of rising numbers that is not above `value`; the caller knows that the first is not. */
export function searchSorted(numbers: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = numbers.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (numbers[middle]! <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Where each of some stretches begins that follow one another, the first at 0. */
export function startsOf(lengths: readonly number[]): Int32Array {
  let next = 0;
  return Int32Array.from(lengths, (length) => {
    const start = next;
    next += length;
    return start;
  });
}
