import type { classifierFields, Decided } from "@splitmask/methods/settings";
import type { DefaultFields } from "./config.js";
import type { DecidedAugmentation } from "./fields/augmentationFields.js";
import type { DecidedLength } from "./fields/lengthFields.js";
import type { DecidedModel } from "./fields/modelFields.js";
import type { DecidedMonitor } from "./fields/monitorFields.js";
import type { DecidedNormalization } from "./fields/normalizationFields.js";
import type { DecidedOptimization } from "./fields/optimizationFields.js";
import type { DecidedRun } from "./fields/runFields.js";
import type { DecidedSubset } from "./fields/subsetFields.js";
import type { FinetuneField } from "./finetuneConfig.js";
import type { LabelledConfig, Settled, SourceConfig } from "./sourceFields.js";

/** The settings that pre-training has with every method, decided. */
export type ResolvedSharedConfig = DecidedModel &
  DecidedAugmentation &
  DecidedNormalization &
  Settled<SourceConfig> &
  DecidedSubset &
  DecidedLength &
  DecidedOptimization &
  DecidedRun &
  DecidedMonitor;

/**
 * A configuration with every field decided; it is what `config.json` of a run folder holds.
 *
 * @typeParam Own What the method decided of its own; the usual method's when left out.
 */
export type ResolvedConfig<Own extends object = Decided<DefaultFields>> = ResolvedSharedConfig & Own;

/** A fine-tuning configuration with every field decided; it is what `config.json` of a run folder holds. */
export type ResolvedFinetuneConfig = Pick<
  ResolvedSharedConfig,
  (FinetuneField & keyof ResolvedSharedConfig) | "seconds" | "warmup"
> &
  Settled<LabelledConfig> &
  Decided<Omit<typeof classifierFields, "warmupEpochs" | "evaluateEvery">> & {
    /** Warm-up as a share of the steps, where the number of its steps is not known yet. */
    readonly warmupShare: number;
    /** Steps between two evaluations on the test pictures; null: only at the end. */
    readonly evaluateEvery: number | null;
  };
