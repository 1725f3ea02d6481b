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
    } else settings.set(name, typeof value === "string" ? value : JSON.stringify(value));
  };
  if (config === null || typeof config !== "object") return settings;
  for (const [key, value] of Object.entries(config))
    if (!noSettings.has(key)) add(key === "config" ? "" : key, value);
  return settings;
}
