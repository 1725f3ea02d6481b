/** A whole number with its thousands apart: `"9,469"`. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString("en");
}
