/**
 * At most `most` whole numbers from 0 to `length` − 1, evenly spaced: the places of a sample.
 *
 * @param length How many there are to choose from.
 * @param most How many are wanted.
 */
export function evenlySpaced(length: number, most: number): number[] {
  const count = Math.min(length, most);
  return Array.from({ length: count }, (_, place) => Math.floor((place * length) / count));
}
