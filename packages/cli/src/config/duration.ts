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

/**
 * Writes a duration the way a person says it: `"45 s"`, `"12 min"`, `"1 h 05 min"`.
 *
 * @param seconds The duration in seconds.
 * @returns The text.
 */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}
