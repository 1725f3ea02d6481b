/**
 * Proofs for operations and layers: difference quotients in float64, and fixtures from a reference implementation.
 *
 * @packageDocumentation
 */
export { checkGradient, type GradientCheckOptions } from "./checkGradient.js";
export { checkOp, type OpCheckOptions } from "./checkOp.js";
export { caseInputs, Fixture, type FixtureCase } from "./fixture.js";
export { largestError } from "./largestError.js";
export { ModelFixture } from "./modelFixture.js";
export { withSecondCopy } from "./secondCopy.js";
