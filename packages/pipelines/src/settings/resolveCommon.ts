import type { Config } from "./config.js";
import type { ResolvedConfig } from "./resolvedConfig.js";

/** Fields whose default is the same for every training run. */
type CommonField =
  | "flip"
  | "subset"
  | "perClass"
  | "maximumSkipped"
  | "weightDecayEnd"
  | "freeze"
  | "clipMode"
  | "precision"
  | "recompute"
  | "cache"
  | "cacheFolder"
  | "threads"
  | "keepCheckpoints"
  | "onNan";

/** Share of unreadable pictures that is not an error. */
export const defaultMaximumSkipped = 0.1;

/**
 * Decides the fields that pre-training and fine-tuning have alike: what is given, or a default that depends on nothing.
 */
export function resolveCommon(given: Pick<Config, CommonField>): Pick<ResolvedConfig, CommonField> {
  return {
    flip: given.flip ?? 0.5,
    subset: given.subset ?? null,
    perClass: given.perClass ?? null,
    maximumSkipped: given.maximumSkipped ?? defaultMaximumSkipped,
    weightDecayEnd: given.weightDecayEnd ?? null,
    freeze: given.freeze ?? [],
    clipMode: given.clipMode ?? "global",
    precision: given.precision ?? "float32",
    recompute: given.recompute ?? false,
    cache: given.cache ?? "auto",
    cacheFolder: given.cacheFolder ?? null,
    threads: given.threads ?? null,
    keepCheckpoints: given.keepCheckpoints ?? 2,
    onNan: given.onNan ?? "stop",
  };
}
