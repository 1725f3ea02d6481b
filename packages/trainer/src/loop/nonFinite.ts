import type { Device } from "@splitmask/kernels";
import type { ParameterHistory, StepMetrics, StepRunner } from "./stepRunner.js";

/** The loss or the gradient of a step is NaN or infinite. */
export class NonFiniteError extends Error {
  /** `"NonFiniteError"`. */
  override readonly name = "NonFiniteError";
  /** Number of the step, from 1. */
  readonly step: number;
  /** The first kernel that made such a value, as the device names it; null if it was not traced. */
  readonly origin: string | null;

  /** @internal */
  constructor(step: number, metrics: StepMetrics, origin: string | null, advice: string) {
    const parts = Object.entries(metrics.losses).map(([name, value]) => `${name} ${value}`);
    super(
      `train: step ${step} is not finite: ${parts.join(", ")}, gradient norm ${metrics.gradientNorm}. ${
        origin === null ? advice : `The first kernel that made it: ${origin}. ${advice}`
      }`,
    );
    this.step = step;
    this.origin = origin;
  }
}

/** Whether the total loss and the gradient norm are numbers. */
export function isFiniteStep(metrics: StepMetrics): boolean {
  return Number.isFinite(metrics.losses.total) && Number.isFinite(metrics.gradientNorm);
}

/**
 * Puts the parameters back as they were before the step with index `step` and runs it again, on a device that looks at every kernel's outputs.
 *
 * @returns what the device says of the first kernel that made a value that is not finite; null if none did.
 */
export async function traceNonFinite<Batch>(
  device: Device,
  runner: StepRunner<Batch>,
  history: ParameterHistory,
  step: number,
  batch: Batch,
): Promise<string | null> {
  await device.synchronize();
  history.restore(step);
  device.checkFinite = true;
  try {
    await runner.run(step, batch);
    return null;
  } catch (error) {
    return (error as Error).message;
  } finally {
    device.checkFinite = false;
    await device.synchronize().catch(() => undefined);
  }
}
