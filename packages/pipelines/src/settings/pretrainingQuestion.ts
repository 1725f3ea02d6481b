import type { Method } from "@splitmask/methods";
import type { Config } from "./config.js";
import type { MachineFacts, PictureFacts } from "./facts.js";
import type { CostOf } from "./stepSettings.js";

/** What the settings of a pre-training run are decided from. */
export interface PretrainingQuestion {
  /** The method. */
  readonly method: Method;
  /** The fields from the command line and the configuration file, already merged and checked. */
  readonly given: Config;
  /** What is known of the pictures. */
  readonly pictures: PictureFacts;
  /** What is known of the machine. */
  readonly machine: MachineFacts;
  /** What a step with some settings takes. */
  readonly costOf: CostOf;
}
