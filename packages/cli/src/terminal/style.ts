import type { Style } from "@splitmask/pipelines/settings";

/**
 * Styles for a stream.
 *
 * @param colors Whether the stream shows colors.
 * @returns The styles.
 */
export function createStyle(colors: boolean): Style {
  const wrap = (open: number, close: number) => (text: string) =>
    colors ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return {
    bold: wrap(1, 22),
    dim: wrap(2, 22),
    red: wrap(31, 39),
    green: wrap(32, 39),
    yellow: wrap(33, 39),
  };
}
