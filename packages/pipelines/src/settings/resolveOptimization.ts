import type { Recipe } from "@splitmask/methods";
import { contradiction } from "@splitmask/methods/settings";
import type { Config } from "./config.js";
import type { ResolvedConfig } from "./resolvedConfig.js";

/** The settings of schedule and optimizer, but for the learning rate and its warm-up. */
export type OptimizationSettings = Pick<
  ResolvedConfig,
  | "schedule"
  | "decayEvery"
  | "milestones"
  | "decayFactor"
  | "optimizer"
  | "momentum"
  | "weightDecay"
  | "layerDecay"
>;

/**
 * Decides how the learning rate falls and what changes the weights.
 *
 * @param given The fields that are given.
 * @param recipe What the method trains with.
 * @throws UsageError where fields contradict each other.
 */
export function resolveOptimization(
  given: Config,
  recipe: Pick<Recipe, "weightDecay">,
): OptimizationSettings {
  const { optimizer = "adamw", schedule = "cosine" } = given;
  if (schedule === "step" && given.decayEvery === undefined)
    throw contradiction("schedule", '"step" needs decayEvery, the number of steps between two stairs');
  if (schedule === "multi-step" && given.milestones === undefined)
    throw contradiction("schedule", '"multi-step" needs milestones, the steps after which the rate falls');
  only(given, "decayEvery", schedule, ["step"]);
  only(given, "milestones", schedule, ["multi-step"]);
  only(given, "decayFactor", schedule, ["step", "multi-step"]);
  only(given, "minimumLearningRate", schedule, ["cosine", "linear"]);
  if (optimizer !== "adamw" && given.learningRate === undefined) {
    const example = optimizer === "sgd" ? "0.03" : "0.3";
    throw contradiction(
      "optimizer",
      `"${optimizer}" needs its own learningRate, because AdamW's default does not fit: e.g. ${example} · batch / 256`,
    );
  }
  if (optimizer === "adamw" && given.momentum !== undefined)
    throw contradiction("momentum", 'AdamW has none: use optimizer "sgd" or "lars"');
  const weightDecay = given.weightDecay ?? (optimizer === "adamw" ? recipe.weightDecay : 0);
  if (given.weightDecayEnd !== undefined && weightDecay === 0)
    throw contradiction("weightDecayEnd", "without a weightDecay nothing is decayed: give both");
  return {
    schedule,
    decayEvery: given.decayEvery ?? null,
    milestones: given.milestones ?? null,
    decayFactor: given.decayFactor ?? 0.1,
    optimizer,
    momentum: given.momentum ?? 0.9,
    weightDecay,
    layerDecay: given.layerDecay ?? 1,
  };
}

/** @throws UsageError where a field is given that another schedule has. */
function only(
  given: Config,
  field: "decayEvery" | "milestones" | "decayFactor" | "minimumLearningRate",
  schedule: ResolvedConfig["schedule"],
  schedules: readonly ResolvedConfig["schedule"][],
): void {
  if (given[field] === undefined || schedules.includes(schedule)) return;
  const named = schedules.map((each) => `"${each}"`).join(" or ");
  throw contradiction(
    field,
    `the schedule "${schedule}" does not use it: leave it out, or use schedule ${named}`,
  );
}
