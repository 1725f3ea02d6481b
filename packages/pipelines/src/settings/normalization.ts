import type { ChannelNumbers } from "@splitmask/data";
import type { StepSettings } from "./stepSettings.js";

/** Of red, green and blue in 0…1. */
export interface Normalization {
  readonly mean: ChannelNumbers;
  readonly std: ChannelNumbers;
}

/** What a step costs does not depend on the colors of the pictures. */
export const anyColors = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } as const;

/** The settings of a step with some normalization, where it is not measured yet. */
export function withNormalization(settings: StepSettings): StepSettings & Normalization {
  return { ...settings, mean: settings.mean ?? anyColors.mean, std: settings.std ?? anyColors.std };
}
