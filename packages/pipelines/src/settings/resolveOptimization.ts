import type { Recipe } from "@splitmask/methods";
import { contradiction } from "@splitmask/methods/settings";
import type { Config } from "./config.js";
import { settle } from "./resolveCommon.js";

/** The schedules that use a field. */
const schedulesOf = {
  decayEvery: ["step"],
  milestones: ["multi-step"],
  decayFactor: ["step", "multi-step"],
  minimumLearningRate: ["cosine", "linear"],
} as const;

/**
 * Decides how the learning rate falls and what changes the weights, but for the learning rate and its warm-up.
 *
 * @throws UsageError where fields contradict each other.
 */
export function resolveOptimization(
  given: Config,
  recipe: Pick<Recipe, "weightDecay" | "weightDecayEnd" | "clipMode"> & { readonly layerDecay?: number },
) {
  const { optimizer = "adamw", schedule = "cosine" } = given;
  if (schedule === "step" && given.decayEvery === undefined)
    throw contradiction("schedule", '"step" needs decayEvery, the number of steps between two stairs');
  if (schedule === "multi-step" && given.milestones === undefined)
    throw contradiction("schedule", '"multi-step" needs milestones, the steps after which the rate falls');
  for (const field of Object.keys(schedulesOf) as (keyof typeof schedulesOf)[]) {
    const schedules: readonly string[] = schedulesOf[field];
    if (given[field] === undefined || schedules.includes(schedule)) continue;
    const named = schedules.map((each) => `"${each}"`).join(" or ");
    const problem = `the schedule "${schedule}" does not use it: leave it out, or use schedule ${named}`;
    throw contradiction(field, problem);
  }
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
  const isRecipes = optimizer === "adamw" && given.weightDecay === undefined;
  return settle(given, {
    ...{ optimizer, schedule, weightDecay },
    weightDecayEnd: (isRecipes ? recipe.weightDecayEnd : undefined) ?? null,
    clipMode: recipe.clipMode ?? "global",
    decayEvery: null,
    milestones: null,
    decayFactor: 0.1,
    momentum: 0.9,
    layerDecay: recipe.layerDecay ?? 1,
  });
}
