/**
 * Lays out rows in columns.
 *
 * @param rows The cells of each row.
 * @param right Numbers of the columns that are flush right, e.g. those of figures.
 * @returns One line a row; columns are separated by two spaces.
 */
export function columns(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  return rows.map((row) =>
    row
      .map((cell, index) => {
        if (right.includes(index)) return cell.padStart(widths[index]!);
        return index === row.length - 1 ? cell : cell.padEnd(widths[index]!);
      })
      .join("  ")
      .trimEnd(),
  );
}
