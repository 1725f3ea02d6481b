/** With fewer pictures each is seen more than fifty times in the usual run: a small set in the paper's sense. */
const smallSet = 5_000;

/** Whether masks and colors are those that the paper of SplitMask has for its smallest sets. */
export function isSmallSet(count: number): boolean {
  return count < smallSet;
}
