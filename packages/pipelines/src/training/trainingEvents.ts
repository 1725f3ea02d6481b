import { formatDuration } from "@splitmask/report";
import type { TrainingEvent } from "@splitmask/trainer";
import { formatFigures, progressLine } from "../terminal/progressLine.js";
import type { Terminal } from "../terminal/terminal.js";

/** A change of the number of steps by less than this share is not told. */
const smallestTold = 0.02;

/**
 * Tells people what happens while a run trains: a progress line with the figures of the last evaluation, warnings, what
 * was resumed or planned.
 *
 * @param terminal Where it is told.
 * @returns What hears of the events.
 */
export function trainingTeller(terminal: Terminal): (event: TrainingEvent) => void {
  let figures: Readonly<Record<string, number>> = {};
  let toldSteps: number | null = null;
  return (event) => {
    if (event.type === "evaluation") ({ figures } = event);
    if (event.type === "replan") {
      // The last few steps are counted again and again.
      toldSteps ??= event.stepsBefore;
      if (Math.abs(event.steps - toldSteps) < smallestTold * toldSteps) return;
      terminal.line(
        `step ${event.step}: a step takes ${(event.secondsPerStep * 1000).toFixed(0)} ms now, so that ` +
          `${event.steps} steps fit in the time instead of ${toldSteps}`,
      );
      toldSteps = event.steps;
      return;
    }
    tellTraining(event, figures, terminal);
  };
}

function tellTraining(
  event: TrainingEvent,
  figures: Readonly<Record<string, number>>,
  terminal: Terminal,
): void {
  switch (event.type) {
    case "resume":
      terminal.line(`going on after step ${event.step}`);
      break;
    case "damaged":
      terminal.warn(`the checkpoint ${event.path} is damaged and was skipped: ${event.reason}`);
      break;
    case "nonFinite":
      terminal.warn(
        `${event.error.message} ${event.action === "skip" ? "The step is left out" : `The run goes back to step ${event.nextStep} with a lower learning rate`}.`,
      );
      break;
    case "warning":
      terminal.warn(
        `step ${event.step}: ${event.figure} is ${event.value.toPrecision(3)}, ${event.value < event.level ? "below" : "above"} ${event.level.toPrecision(3)}. ${event.advice}`,
      );
      break;
    case "plan":
      terminal.endProgress();
      terminal.line(
        `${event.steps} steps fit in the time (${(event.secondsPerStep * 1000).toFixed(0)} ms a step)`,
      );
      break;
    case "step":
      terminal.progress(
        progressLine({ ...event, figures }, terminal.live ? terminal.width : null),
        event.step === 1 || event.step === event.steps,
      );
      break;
    case "evaluation":
      terminal.line(`step ${event.step}: ${formatFigures(figures)} (${formatDuration(event.seconds)})`);
      break;
    case "stop":
    case "done":
      terminal.endProgress();
      break;
    default:
      break;
  }
}
