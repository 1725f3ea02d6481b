import { formatDuration } from "@splitmask/report";
import type { StepEvent } from "@splitmask/trainer";

/** What a progress line shows of one training step. */
interface StepProgress
  extends Pick<StepEvent, "step" | "steps" | "losses" | "learningRate" | "imagesPerSecond" | "secondsLeft"> {
  readonly waitingShare?: StepEvent["waitingShare"];
  /** Of the last evaluation. */
  readonly figures?: Readonly<Record<string, number>>;
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
 * One line about a training step.
 *
 * @param live The characters that a line drawn in place may have: it begins with a bar where that fits. Null: a plain
 *   line.
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
