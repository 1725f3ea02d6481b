/** The number of single-letter edits between two words, of which one may be that two neighbors changed places. */
function editDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = rows[row - 1]![column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current.push(
        Math.min(
          replaced,
          rows[row - 1]![column]! + 1,
          current[column - 1]! + 1,
          swapped ? (rows[row - 2]?.[column - 2] ?? replaced) + 1 : replaced,
        ),
      );
    }
    rows.push(current);
  }
  return rows[a.length]![b.length]!;
}

/** A word without what people write differently: capitals and what separates its parts. */
function plain(word: string): string {
  return word.toLowerCase().replaceAll(/[-_ ]/g, "");
}

/**
 * The known word that is spelled most like the given one, for "Did you mean …?".
 *
 * @param given What was given.
 * @param known The words that are understood: fields, options, methods, values.
 * @returns null where none is close: more than a third of its letters differ.
 */
export function nearest(given: string, known: readonly string[]): string | null {
  const word = plain(given);
  const close = known
    .map((each) => {
      const other = plain(each);
      const begins = word.length >= 4 && other.startsWith(word);
      return {
        each,
        distance: begins ? 0.5 : editDistance(word, other),
        most: Math.max(1, other.length / 3),
      };
    })
    .filter(({ distance, most }) => distance <= most)
    .sort((a, b) => a.distance - b.distance);
  return close[0]?.each ?? null;
}

/**
 * Asks whether the nearest known word is meant.
 *
 * @returns `Did you mean "block"?`; null where no word is close.
 */
export function didYouMean(given: unknown, known: readonly string[]): string | null {
  const word = typeof given === "string" ? nearest(given, known) : null;
  return word === null ? null : `Did you mean "${word}"?`;
}
