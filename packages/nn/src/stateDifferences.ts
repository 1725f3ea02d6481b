import type { HostTensor, Tensor } from "@splitmask/autograd";

/** How given weights differ from a module's parameters. */
export interface StateDifferences {
  /** Parameters that were not given. */
  readonly missing: readonly string[];
  /** Given names that are not parameters. */
  readonly unexpected: readonly string[];
  /** Parameters that were given in another shape, with both shapes. */
  readonly misshaped: readonly string[];
}

/** Compares names and shapes. */
export function compareStates(
  parameters: ReadonlyMap<string, Tensor>,
  state: ReadonlyMap<string, HostTensor | Tensor>,
): StateDifferences {
  const misshaped: string[] = [];
  for (const [name, parameter] of parameters) {
    const given = state.get(name)?.shape.join("×");
    const expected = parameter.shape.join("×");
    if (given !== undefined && given !== expected)
      misshaped.push(`${name} (given ${given}, expected ${expected})`);
  }
  return {
    missing: [...parameters.keys()].filter((name) => !state.has(name)),
    unexpected: [...state.keys()].filter((name) => !parameters.has(name)),
    misshaped,
  };
}

/** At most eight names and how many more there are. */
function list(names: readonly string[]): string {
  const shown = names.slice(0, 8).join(", ");
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown;
}

/** The text of the error that `loadStateDict` throws. */
export function describeDifferences(module: string, differences: StateDifferences, strict: boolean): string {
  const { missing, unexpected, misshaped } = differences;
  const lines = [`loadStateDict: the weights do not fit ${module}.`];
  if (strict && missing.length > 0) lines.push(`Missing: ${list(missing)}.`);
  if (strict && unexpected.length > 0) lines.push(`Unexpected: ${list(unexpected)}.`);
  if (misshaped.length > 0) lines.push(`Of another shape: ${list(misshaped)}.`);
  lines.push(hint(differences, strict));
  return lines.join("\n");
}

function hint({ missing, unexpected, misshaped }: StateDifferences, strict: boolean): string {
  const prefixed = unexpected.find((name) => missing.some((wanted) => name.endsWith(`.${wanted}`)));
  if (prefixed !== undefined) {
    const wanted = missing.find((name) => prefixed.endsWith(`.${name}`))!;
    return (
      `The given names begin with "${prefixed.slice(0, -wanted.length)}": ` +
      "take that off, or load into the module that has it as a property."
    );
  }
  const short = missing.find((name) => unexpected.some((given) => name.endsWith(`.${given}`)));
  if (short !== undefined) {
    const given = unexpected.find((name) => short.endsWith(`.${name}`))!;
    return `The given names lack the beginning "${short.slice(0, -given.length)}": load into that part of the module.`;
  }
  if (misshaped.length > 0)
    return "Make the module with the sizes of the weights (width, depth, patch size, classes).";
  return strict
    ? "Make the module with the options that the weights were saved with, " +
        "or pass { strict: false } to load what fits by name."
    : "Make the module with the options that the weights were saved with.";
}
