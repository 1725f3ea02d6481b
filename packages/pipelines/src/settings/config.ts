import type { Method, MethodName, methods } from "@splitmask/methods";
import type { defaultMethodName, Fields, Given } from "@splitmask/methods/settings";
import type { sharedFields } from "./fieldGroups.js";

/** The name of the method where none is given. */
type DefaultName = typeof defaultMethodName;

/** The own fields of a method of the table. */
export type FieldsOf<Name extends MethodName> = (typeof methods)[Name]["fields"];

/** The own fields of the method where none is given. */
export type DefaultFields = FieldsOf<DefaultName>;

/** The settings that pre-training has with every method; every field is optional. */
export type SharedConfig = Given<typeof sharedFields>;

/**
 * What a configuration file (or `defineConfig`) may hold; every field is optional, and what is not given is chosen from
 * the pictures.
 *
 * @typeParam Own The method's own fields; when left out those of the usual method.
 */
export type Config<Own extends Fields = DefaultFields> = SharedConfig & Given<Own>;

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
