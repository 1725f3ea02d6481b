import type { Method } from "./method.js";
import { defaultMethodName } from "./settings/defaultMethodName.js";
import type { Fields } from "./settings/field.js";
import { didYouMean } from "./settings/nearest.js";
import { UsageError } from "./settings/usageError.js";
import { splitMaskFields } from "./splitMaskFields.js";

/** What a command's help and a check of settings need of a method. */
export type MethodFields<Own extends Fields = Fields> = Pick<
  Method<Own>,
  "name" | "title" | "paper" | "fields"
>;

const splitMask: MethodFields<typeof splitMaskFields> = {
  name: "splitmask",
  title: "SplitMask",
  paper: "El-Nouby et al. 2021, arXiv 2112.10740",
  fields: splitMaskFields,
};

/** The methods by name. */
export const methods = {
  /** SplitMask. */
  splitmask: splitMask,
} satisfies Readonly<Record<string, MethodFields>>;

/** The name of a method of the table. */
export type MethodName = keyof typeof methods;

/** The names of the methods. */
export const methodNames = Object.keys(methods) as readonly MethodName[];

/**
 * A method of the table.
 *
 * @param name Its name; the usual method where it is undefined.
 * @throws UsageError for a name that no method has, with the nearest one.
 */
export function findMethod(name: string = defaultMethodName): MethodFields {
  const found = Object.hasOwn(methods, name) ? methods[name as MethodName] : undefined;
  if (found !== undefined) return found;
  const suggestion = didYouMean(name, methodNames);
  throw new UsageError(
    `method: there is none that is called "${name}". ${suggestion === null ? "" : `${suggestion} `}Known methods: ` +
      `${methodNames.join(", ")}; or give the path of a module whose default export is one, such as ./my-method.js.`,
  );
}
