/** A range of the samples of a batch. */
export interface SampleRows {
  /** The first one. */
  readonly first: number;
  /** How many. */
  readonly count: number;
  /** How many samples the whole batch has. */
  readonly total: number;
}

/**
 * Throws unless the rows of a tensor are those of the range, once or several times one behind the other.
 *
 * @param samples How many rows there are.
 */
export function checkSampleRows(operation: string, samples: number, rows: SampleRows): void {
  const { first, count, total } = rows;
  const isWithin = Number.isInteger(first) && first >= 0 && first + count <= total;
  if (isWithin && count > 0 && samples % count === 0) return;
  throw new RangeError(
    `${operation}: x has ${samples} rows, said to be ${count} of ${total} samples from number ${first} on; ` +
      "expected rows within the batch, and x to have them once or several times.",
  );
}
