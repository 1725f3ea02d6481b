import type { Method, MethodName, methods } from "@splitmask/methods";
import type { defaultMethodName, Fields, Given } from "@splitmask/methods/settings";
import type { finetuneFields, sharedFields, tokenizerRunFields } from "./fields.js";

type DefaultName = typeof defaultMethodName;
type FieldsOf<Name extends MethodName> = (typeof methods)[Name]["fields"];
type SharedConfig = Given<typeof sharedFields>;

/**
 * What a configuration file (or `defineConfig`) may hold; every field is optional, and what is not given is chosen from
 * the pictures.
 *
 * @typeParam Own The method's own fields; when left out those of the usual method.
 */
export type Config<Own extends Fields = FieldsOf<DefaultName>> = SharedConfig & Given<Own>;

/**
 * What a configuration file for `splitmask finetune` may hold; every field is optional, and what is not given is the
 * recipe's, or chosen from the pictures.
 */
export type FinetuneConfig = Given<typeof finetuneFields>;

/**
 * What a configuration file for `splitmask tokenizer fit` may hold; every field is optional, and what is not given is
 * the recipe's, or chosen from the pictures.
 */
export type TokenizerRunConfig = Given<typeof tokenizerRunFields>;

/**
 * Types a configuration module: `export default defineConfig({ imageSize: 64, patch: 8 })`. The own fields of the
 * method that it names, or holds, are known.
 *
 * @param config The fields that differ from the chosen defaults.
 * @returns The same object.
 */
export function defineConfig<Name extends MethodName = DefaultName>(
  config: Omit<SharedConfig, "method"> &
    Given<FieldsOf<NoInfer<Name>>> & {
      /** The method's name. */
      readonly method?: Name;
    },
): Config<FieldsOf<Name>>;
export function defineConfig<const Chosen extends Method>(
  config: Omit<SharedConfig, "method"> &
    Given<NoInfer<Chosen>["fields"]> & {
      /** The method. */
      readonly method: Chosen;
    },
): Config<Chosen["fields"]>;
export function defineConfig(config: object): object {
  return config;
}
