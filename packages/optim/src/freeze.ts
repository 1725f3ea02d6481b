import type { NamedParameters } from "./parameterGroups.js";

/**
 * Sets `requiresGrad` to false for the parameters whose names match: they get no gradient, `parameterGroups` leaves
 * them out, and no time is spent on what only they would need.
 *
 * @param patterns Dotted names in which `*` stands for any characters: `"patch_embed.*"`, `"blocks.0.*"`,
 * `"encoder.*"`.
 * @returns The names of the parameters that were changed; `thaw` takes them.
 * @throws Error If a pattern matches no parameter; then nothing is changed.
 */
export function freeze(model: NamedParameters, patterns: readonly string[]): string[] {
  const named = model.namedParameters();
  const matched = new Set<string>();
  for (const pattern of patterns) {
    const expression = asExpression(pattern);
    const names = [...named.keys()].filter((name) => expression.test(name));
    if (names.length === 0) {
      const some = [...named.keys()].slice(0, 4).join(", ");
      throw new Error(
        `freeze: ${JSON.stringify(pattern)} matches none of the ${named.size} parameters. ` +
          `Their names are ${some}${named.size > 4 ? ", …" : ""}; * stands for any characters.`,
      );
    }
    for (const name of names) matched.add(name);
  }
  const changed = [...named].filter(([name, parameter]) => matched.has(name) && parameter.requiresGrad);
  for (const [, parameter] of changed) parameter.requiresGrad = false;
  return changed.map(([name]) => name);
}

/** Sets `requiresGrad` to true for the parameters with these names: what `freeze` returned. */
export function thaw(model: NamedParameters, names: Iterable<string>): void {
  const named = model.namedParameters();
  for (const name of names) {
    const parameter = named.get(name);
    if (parameter === undefined) throw new Error(`thaw: there is no parameter ${name}.`);
    parameter.requiresGrad = true;
  }
}

function asExpression(pattern: string): RegExp {
  const parts = pattern.split("*").map((part) => part.replaceAll(/[\\^$.|?+()[\]{}]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`);
}
