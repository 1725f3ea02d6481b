import type { LoopSettings, PretrainingSettings } from "./runSettings.js";

/** Share of unreadable pictures that is not an error. */
export const defaultMaximumSkipped = 0.1;

type GivenOf<Settings> = { readonly [Name in keyof Settings]?: Exclude<Settings[Name], null> | undefined };

/** The settings that have a default, as they are given; else the default. */
export function settle<Name extends keyof PretrainingSettings>(
  given: GivenOf<Pick<PretrainingSettings, NoInfer<Name>>>,
  defaults: Pick<PretrainingSettings, Name>,
): Pick<PretrainingSettings, Name> {
  const names = Object.keys(defaults) as Name[];
  const entries = names.map((name) => [name, given[name] ?? defaults[name]]);
  return Object.fromEntries(entries) as Pick<PretrainingSettings, Name>;
}

/** Decides the fields whose default is the same for every training run. */
export function resolveCommon(given: GivenOf<LoopSettings>) {
  return settle(given, {
    flip: 0.5,
    subset: null,
    perClass: null,
    maximumSkipped: defaultMaximumSkipped,
    freeze: [],
    precision: "float32",
    recompute: false,
    cache: "auto",
    cacheFolder: null,
    threads: null,
    keepCheckpoints: 2,
    onNan: "stop",
  });
}
