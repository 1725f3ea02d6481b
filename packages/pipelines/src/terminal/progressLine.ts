import { formatDuration } from "@splitmask/report";

/** What a progress line shows of one training step. */
export interface StepProgress {
  /** Number of steps done, from 1. */
  readonly step: number;
  /** Number of steps of the run. */
  readonly steps: number;
  /** The losses by name, `total` first. */
  readonly losses: Readonly<Record<string, number>>;
  /** Learning rate of the step. */
  readonly learningRate: number;
  /** Figures of the last evaluation by name. */
  readonly figures?: Readonly<Record<string, number>>;
  /** Pictures a second; null while warming up. */
  readonly imagesPerSecond: number | null;
  /** Share of the time that the device waited for data; null or left out: not known. */
  readonly waitingShare?: number | null;
  /** Seconds to the last step; null while warming up. */
  readonly secondsLeft: number | null;
}

/** A share of waiting from which on the line tells it. */
const worthTelling = 0.02;

const barCells = 20;
const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

function bar(share: number): string {
  const filled = Math.min(1, Math.max(0, share)) * barCells;
  const text = "█".repeat(Math.floor(filled)) + eighths[Math.floor((filled % 1) * 8)]!;
  return text.padEnd(barCells, "·");
}

/** Losses or figures of an evaluation as they are shown. */
export function formatFigures(figures: Readonly<Record<string, number>>, between = "  "): string {
  const texts = Object.entries(figures).map(([name, value]) => `${name} ${value.toFixed(3)}`);
  return texts.join(between);
}

/**
 * One line about a training step: step, every part of the loss, learning rate, speed, time left.
 *
 * @param progress The step.
 * @param live The characters that a line drawn in place may have: it begins with a bar where that fits. Null: a plain
 *   line.
 * @returns The line.
 */
export function progressLine(
  { step, steps, figures = {}, losses, ...progress }: StepProgress,
  live: number | null,
): string {
  const { learningRate, imagesPerSecond, secondsLeft, waitingShare } = progress;
  const { total = Number.NaN, ...parts } = losses;
  const named = formatFigures(parts, ", ");
  const fields = [
    `${live === null ? "step " : ""}${String(step).padStart(String(steps).length)}/${steps}`,
    `loss ${total.toFixed(3)}${named === "" ? "" : ` (${named})`}`,
    formatFigures(figures),
    `lr ${learningRate.toExponential(1)}`,
    imagesPerSecond === null ? "measuring the speed" : `${Math.round(imagesPerSecond)} pictures/s`,
    (waitingShare ?? 0) < worthTelling ? "" : `${Math.round(waitingShare! * 100)} % waiting for data`,
    secondsLeft === null ? "" : `${formatDuration(secondsLeft)} left`,
  ];
  const line = fields.filter((field) => field !== "").join("  ");
  return live === null || barCells + 1 + line.length > live ? line : `${bar(step / steps)} ${line}`;
}
