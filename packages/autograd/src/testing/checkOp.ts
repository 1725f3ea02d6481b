import type { Device } from "@splitmask/kernels";
import { tensor } from "../creation.js";
import type { FloatingDType } from "../elements.js";
import { multiply } from "../ops/binary.js";
import { sum } from "../ops/reductions.js";
import { equalShapes, formatShape } from "../shape.js";
import type { HostTensor, Tensor } from "../tensor.js";
import { checkGradient } from "./checkGradient.js";
import { caseInputs, type Fixture, type FixtureCase } from "./fixture.js";
import { largestError } from "./largestError.js";

/** Options of `checkOp`. */
export interface OpCheckOptions {
  /** The largest relative error in float32. Default 2e-6. */
  readonly tolerance?: number;
  /** The largest relative error of the naive kernels in float64; null: nothing is tried in float64. Default 1e-12. */
  readonly tolerance64?: number | null;
  /** Of the difference quotients in float64; null: none, where the function has a kink nearby. Default 1e-6. */
  readonly quotientTolerance?: number | null;
}

/**
 * Proves an operation on one case of a fixture: its result and every gradient in float32 on the device and in float64,
 * and its gradients against difference quotients. An input without a gradient in the fixture has to get none. On a
 * device that lacks values only the shapes are compared, on one that lacks float64 nothing in float64.
 *
 * @param compute Calls the operation on the case's inputs by name.
 * @throws Error That names the first thing that differs and by how much.
 */
export async function checkOp(
  device: Device,
  fixture: Fixture,
  name: string,
  compute: (inputs: Readonly<Record<string, Tensor>>) => Tensor,
  options: OpCheckOptions = {},
): Promise<void> {
  const { tolerance = 2e-6, tolerance64 = 1e-12, quotientTolerance = 1e-6 } = options;
  const given = fixture.case(name);
  await compareWithFixture(device, given, compute, "float32", tolerance);
  if (tolerance64 === null || device.lacks("float64")) return;
  await compareWithFixture(device, given, compute, "float64", tolerance64);
  if (quotientTolerance !== null && given.gradients.size > 0 && !device.lacks("values")) {
    await checkGradient(device, compute, caseInputs(device, given, "float64"), {
      tolerance: quotientTolerance,
    });
  }
}

async function compareWithFixture(
  device: Device,
  given: FixtureCase,
  compute: (inputs: Readonly<Record<string, Tensor>>) => Tensor,
  dtype: FloatingDType,
  tolerance: number,
): Promise<void> {
  const inputs = caseInputs(device, given, dtype);
  const output = compute(inputs);
  await compare(`${given.name} (${dtype}): the output`, output, given.output, tolerance);
  if (given.gradients.size > 0) {
    const gradient = tensor(device, given.outputGradient, given.outputGradient.shape, { dtype });
    // Both ways of meeting an output gradient: one that others hold, and one that the rule may overwrite.
    if (dtype === "float32") output.backward(gradient);
    else sum(multiply(output, gradient)).backward();
  }
  for (const [name, input] of Object.entries(inputs)) {
    const expected = given.gradients.get(name);
    const what = `${given.name} (${dtype}): the gradient of ${name}`;
    if (expected === undefined) {
      if (input.grad !== null) throw new Error(`${what} exists, but the reference has none.`);
    } else {
      if (input.grad === null) throw new Error(`${what} is missing.`);
      await compare(what, input.grad, expected, tolerance);
    }
  }
}

async function compare(what: string, actual: Tensor, expected: HostTensor, tolerance: number): Promise<void> {
  if (!equalShapes(actual.shape, expected.shape)) {
    throw new Error(
      `${what} is ${formatShape(actual.shape)}, the reference's is ${formatShape(expected.shape)}.`,
    );
  }
  if (actual.device.lacks("values")) return;
  const error = largestError(await actual.data(), expected.data as Float64Array);
  if (!(error <= tolerance)) {
    throw new Error(
      `${what} differs from the reference by ${error.toExponential(2)} (relative); allowed are ${tolerance}.`,
    );
  }
}
