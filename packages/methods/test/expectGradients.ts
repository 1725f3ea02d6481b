import type { ModelFixture } from "@splitmask/autograd/testing";
import type { Module } from "@splitmask/nn";

/**
 * Compares the gradient of every parameter that is trained with a fixture's, names included.
 *
 * @param prefix What the names in the fixture begin with.
 * @param tolerance Of max|Δ| / max|reference|, per tensor.
 * @param vanishing Names of those whose gradient is 0, of which only rounding is left.
 */
export async function expectGradients(
  model: Module,
  fixture: ModelFixture,
  prefix: string,
  tolerance: number,
  vanishing: readonly string[] = [],
): Promise<void> {
  const trained = [...model.namedParameters()].filter(([, parameter]) => parameter.requiresGrad);
  expect(trained.map(([name]) => name).sort()).toEqual([...fixture.under(prefix).keys()].sort());
  const errors: [string, number][] = [];
  for (const [name, parameter] of trained) {
    if (vanishing.includes(name)) {
      const largest = Math.max(...(await parameter.grad!.data()).map(Math.abs));
      expect([name, largest < tolerance]).toEqual([name, true]);
      continue;
    }
    errors.push([name, await fixture.error(parameter.grad, prefix + name)]);
  }
  errors.sort((a, b) => b[1] - a[1]);
  const measured = `largest relative errors: ${errors
    .slice(0, 3)
    .map(([name, error]) => `${name} ${error.toExponential(2)}`)
    .join(", ")}`;
  expect({ measured, within: errors.every(([, error]) => error <= tolerance) }).toEqual({
    measured,
    within: true,
  });
}
