/** How pixels in [0, 1] become what an encoder sees: (pixel − mean) / std, for each channel. */
export interface PictureNormalization {
  /** One number a channel. */
  readonly mean: readonly number[];
  /** One number a channel, above 0. */
  readonly std: readonly number[];
}

/** Whether mean and std have one number for each channel, those of std above 0. */
export function isNormalization(value: unknown, channels: number): value is PictureNormalization {
  const { mean, std } = (value ?? {}) as Partial<Record<keyof PictureNormalization, unknown>>;
  return (
    [mean, std].every(
      (numbers) => Array.isArray(numbers) && numbers.length === channels && numbers.every(Number.isFinite),
    ) && (std as number[]).every((number) => number > 0)
  );
}
