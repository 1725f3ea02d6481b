const pattern = /^(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?$/;

/**
 * Reads a duration such as `"90s"`, `"20m"`, `"1h30m"` or `"45"` (seconds).
 *
 * @param text What the user wrote.
 * @returns Seconds, or null where the text is no positive duration.
 */
export function parseDuration(text: string): number | null {
  const match = pattern.exec(text.trim().replaceAll(" ", ""));
  if (match === null) return null;
  const [, hours = "0", minutes = "0", seconds = "0"] = match;
  const total = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return total > 0 ? total : null;
}
