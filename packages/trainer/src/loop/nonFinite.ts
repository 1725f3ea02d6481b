import type { StepMetrics } from "./stepRunner.js";
import type { NonFiniteOrigin } from "./traceNonFinite.js";

/** At most so many samples are named in an error's text. */
const NAMED = 8;

/** The loss or the gradient of a step is NaN or infinite. */
export class NonFiniteError extends Error {
  /** `"NonFiniteError"`. */
  override readonly name = "NonFiniteError";
  /** Number of the step, from 1. */
  readonly step: number;
  /** The first operation that made such a value; null if it was not traced, or did not happen again. */
  readonly origin: NonFiniteOrigin | null;
  /** Names of the step's samples, e.g. the pictures' paths; [] where the batch source does not tell. */
  readonly samples: readonly string[];

  /** @internal */
  constructor(
    step: number,
    metrics: StepMetrics,
    origin: NonFiniteOrigin | null,
    samples: readonly string[],
    advice: string,
  ) {
    const losses = Object.entries(metrics.losses).map(([name, value]) => `${name} ${value}`);
    super(
      [
        `train: step ${step} is not finite: ${losses.join(", ")}, gradient norm ${metrics.gradientNorm}.`,
        ...(origin === null ? [] : [`The first to make it: ${describeOrigin(origin)}.`]),
        ...(samples.length === 0 ? [] : [`Its samples: ${listed(samples)}.`]),
        advice,
      ].join(" "),
    );
    this.step = step;
    this.origin = origin;
    this.samples = samples;
  }
}

/** Whether the total loss and the gradient norm are numbers. */
export function isFiniteStep(metrics: StepMetrics): boolean {
  return Number.isFinite(metrics.losses.total) && Number.isFinite(metrics.gradientNorm);
}

function listed(samples: readonly string[]): string {
  const more = samples.length > NAMED ? `, … and ${samples.length - NAMED} more` : "";
  return `${samples.slice(0, NAMED).join(", ")}${more}`;
}

function describeOrigin(origin: NonFiniteOrigin): string {
  const { kernel, operation, parameter, shape, stage, tensor, within } = origin;
  const size = shape.length === 0 ? "a scalar" : shape.join("×");
  const near = `${within === null ? "" : ` in ${within}`}${parameter === null ? "" : ` at ${parameter}`}`;
  if (tensor === "intermediate" && (stage === "forward" || stage === "backward")) {
    return `${stage === "forward" ? "" : "the gradient rule of "}${operation}${near} (${kernel})`;
  }
  switch (stage) {
    case "forward":
      return `${operation}${near}, ${tensor} (${size}; ${kernel})`;
    case "backward":
      return `the gradient rule of ${operation}${near}, gradient of ${tensor} (${size}; ${kernel})`;
    case "given":
      return (
        "nothing in the step: " +
        `${parameter === null ? `the input ${tensor} of ${operation}` : `the parameter ${parameter}`} ` +
        `(${size}) had such values before`
      );
    case "between":
      return `what lies outside of the operations, before ${operation} (${kernel})`;
  }
}
