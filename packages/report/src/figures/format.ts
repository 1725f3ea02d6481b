/**
 * A share in percent: `"25 %"`, `"3.1 %"`.
 *
 * @param share 0 … 1.
 * @param digits After the point; one below a tenth and none above when not given.
 */
export function percent(share: number, digits = share < 0.1 ? 1 : 0): string {
  return `${(share * 100).toFixed(digits)} %`;
}

/** A share in percent with one digit, without the sign, for tables that say it once: `"25.0"`. */
export function percentagePoints(share: number): string {
  return (share * 100).toFixed(1);
}

/**
 * A duration the way a person says it: `"45 s"`, `"12 min"`, `"1 h 05 min"`.
 *
 * @param seconds The duration in seconds.
 * @returns The text; a dash where it is not finite.
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

/** Three significant digits, with thousands separators, or an exponent where that is shorter. */
export function formatNumber(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  if (size < 0.01) return value.toExponential(1).replace(".0e", "e");
  return String(Number(value.toPrecision(3)));
}

/** A name in camelCase, or with dots, slashes, underscores: `effectiveRank` is `Effective rank`. */
export function inWords(name: string): string {
  const words = name
    .replaceAll(/([a-z\d])([A-Z])/g, "$1 $2")
    .replaceAll(/[_/.]+/g, " ")
    .trim()
    .toLowerCase();
  if (/^knn\b/.test(words)) return words.replace("knn", "k-NN");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What a file is called in its folder. */
export function lastPart(path: string): string {
  return path.split(/[\\/]/).at(-1)!;
}
