import { type Method, methodNames } from "@splitmask/methods";
import { UsageError } from "@splitmask/methods/settings";
import { loadMethod } from "../settings/loadMethod.js";
import type { RunDescription } from "./description.js";

/** The method of a run, for runs whose `config.json` does not say where it is. */
export interface RunMethod {
  /**
   * The method that the run was trained with, or the path of its module. It is needed only where a program gave
   * `pretrain` a method of its own as an object, or its module has moved; else the run folder tells.
   */
  readonly method?: string | Method;
}

/** The method that is given for a run, else the one that its description names; another one is a UsageError. */
export async function methodOf(
  { method, methodFile }: Pick<RunDescription, "method" | "methodFile">,
  given?: RunMethod["method"],
): Promise<Method> {
  if (given === undefined && methodFile === null && !(methodNames as readonly string[]).includes(method)) {
    throw new UsageError(
      `method: the run was trained with "${method}", which a program gave as an object, so that its run folder does ` +
        "not say where it is. Give it: --method ./its-module.js, or { method } in code.",
    );
  }
  const found = await loadMethod(given ?? methodFile ?? method);
  if (found.name === method) return found;
  throw new UsageError(
    `method: the run was trained with "${method}", and ${given === undefined ? methodFile : "what is given"} is ` +
      `"${found.name}". Give the method that it was trained with.`,
  );
}
