/** What of `config.json` is no setting: the layout's version, and decisions that repeat the settings in words. */
const noSettings = new Set(["format", "choices", "given"]);

/**
 * The settings in a run's `config.json`, flat: nested names are joined by dots, but for the outermost `config`.
 *
 * @param config What the file holds.
 * @returns Each setting as text, by name.
 */
export function settingsOf(config: unknown): Map<string, string> {
  const settings = new Map<string, string>();
  const add = (name: string, value: unknown) => {
    if (value !== null && typeof value === "object" && !Array.isArray(value)) {
      for (const [key, inner] of Object.entries(value)) add(name === "" ? key : `${name}.${key}`, inner);
    } else settings.set(name, textOf(value));
  };
  if (config === null || typeof config !== "object") return settings;
  for (const [key, value] of Object.entries(config))
    if (!noSettings.has(key)) add(key === "config" ? "" : key, value);
  return settings;
}

/** A value as people read it: no quotation marks, six digits of what is no whole number. */
function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (value === null) return "none";
  if (typeof value === "number")
    return String(Number.isInteger(value) ? value : Number(value.toPrecision(6)));
  return Array.isArray(value) ? value.map(textOf).join(", ") : JSON.stringify(value);
}
