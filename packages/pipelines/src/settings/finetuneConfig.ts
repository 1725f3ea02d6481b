import type { Given } from "@splitmask/methods/settings";
import type { finetuneFields } from "./finetuneGroups.js";

/**
 * What a configuration file for `splitmask finetune` may hold; every field is optional, and what is not given is the
 * recipe's, or chosen from the pictures.
 */
export type FinetuneConfig = Given<typeof finetuneFields>;

/** The name of a field of `FinetuneConfig`. */
export type FinetuneField = keyof FinetuneConfig;
