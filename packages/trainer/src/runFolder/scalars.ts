import type { EvaluationRecord, MetricsRecord } from "./metricsLog.js";

/**
 * A line of metrics as TensorBoard and other loggers show it: numbers under names such as `loss/total`,
 * `health/effectiveRank` and `evaluation/knnAccuracy`.
 */
export function scalarsOf(record: MetricsRecord | EvaluationRecord): Record<string, number> {
  if ("evaluation" in record) return prefixed("evaluation", record.evaluation);
  const { gradientNorm, health = {}, imagesPerSecond, learningRate, losses, waitingSeconds } = record;
  return {
    ...prefixed("loss", losses),
    learningRate,
    gradientNorm,
    ...(imagesPerSecond === null ? {} : { imagesPerSecond }),
    ...prefixed("health", health),
    ...(waitingSeconds === undefined ? {} : { waitingSeconds }),
  };
}

function prefixed(prefix: string, values: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}/${name}`, value]));
}
