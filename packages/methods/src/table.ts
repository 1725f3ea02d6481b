import { beitMethod } from "./beit.js";
import { classifierMethod } from "./classifierMethod.js";
import { dinoMethod } from "./dino.js";
import { distillationMethod } from "./distillation.js";
import { leJepaMethod } from "./leJepa.js";
import { maeMethod } from "./mae.js";
import type { Method } from "./method.js";
import { mocoV3Method } from "./mocoV3.js";
import { defaultMethodName } from "./settings/defaultMethodName.js";
import { didYouMean } from "./settings/nearest.js";
import { UsageError } from "./settings/usageError.js";
import { splitMaskMethod } from "./splitMaskMethod.js";
import { supervisedMethod } from "./supervised.js";

/** The methods of pre-training, by name. */
export const methods = {
  /** SplitMask. */
  splitmask: splitMaskMethod,
  /** BEiT. */
  beit: beitMethod,
  /** Masked autoencoders. */
  mae: maeMethod,
  /** DINO. */
  dino: dinoMethod,
  /** MoCo v3. */
  mocov3: mocoV3Method,
  /** LeJEPA. */
  lejepa: leJepaMethod,
  /** Supervised pre-training. */
  supervised: supervisedMethod,
  /** Distillation from another model. */
  distillation: distillationMethod,
} as const satisfies Readonly<Record<string, unknown>>;

/** The methods that learn from labels, by name. */
export const labelledMethods = {
  /** Fine-tuning. */
  classifier: classifierMethod,
} as const;

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
export function findMethod(name: string = defaultMethodName): Method {
  const found = Object.hasOwn(methods, name) ? methods[name as MethodName] : undefined;
  if (found !== undefined) return found;
  const suggestion = didYouMean(name, methodNames);
  throw new UsageError(
    `method: there is no method "${name}". ${suggestion === null ? "" : `${suggestion} `}Known methods: ` +
      `${methodNames.join(", ")}; or give the path of a module whose default export is one, such as ./my-method.js.`,
  );
}
