import type { Method, MethodName, methods } from "@splitmask/methods";
import type { defaultMethodName, Fields, Given } from "@splitmask/methods/settings";
import type { sharedFields } from "./fieldGroups.js";

/** The name of the method where none is given. */
type DefaultName = typeof defaultMethodName;

/** The own fields of a method of the table. */
export type FieldsOf<Name extends MethodName> = (typeof methods)[Name]["fields"];

/** The own fields of the method where none is given. */
export type DefaultFields = FieldsOf<DefaultName>;

/**
 * What a configuration file (or `defineConfig`) may hold; every field is optional, and what is not given is chosen from
 * the pictures.
 *
 * @typeParam Own The method's own fields; when left out those of the usual method.
 */
export type Config<Own extends Fields = DefaultFields> = Given<typeof sharedFields> & Given<Own>;

/** The name of a configuration field. */
export type ConfigField = keyof Config;

/**
 * Types a configuration module: `export default defineConfig({ imageSize: 64, patch: 8 })`. The own fields of the
 * method that it names, or holds, are known.
 *
 * @param config The fields that differ from the chosen defaults.
 * @returns The same object.
 */
export function defineConfig<Name extends MethodName = DefaultName>(
  config: Given<Omit<typeof sharedFields, "method">> &
    Given<FieldsOf<NoInfer<Name>>> & {
      /** The method's name. */
      readonly method?: Name;
    },
): Config<FieldsOf<Name>>;
export function defineConfig<const Chosen extends Method>(
  config: Given<Omit<typeof sharedFields, "method">> &
    Given<NoInfer<Chosen>["fields"]> & {
      /** The method. */
      readonly method: Chosen;
    },
): Config<Chosen["fields"]>;
export function defineConfig(config: object): object {
  return config;
}
