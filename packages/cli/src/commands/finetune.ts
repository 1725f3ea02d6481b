import { join } from "node:path";
import {
  estimateText,
  evaluationFile,
  type FinetuneRequest,
  finetune,
  finetuneDryRun,
  type Planned,
  summaryOf,
  tellSkipped,
} from "@splitmask/pipelines";
import { columns, printable } from "@splitmask/pipelines/settings";
import { percent } from "@splitmask/report";
import type { CommandTerminal } from "../terminal/terminal.js";
import { untilStopped } from "./stopSignals.js";

/** Classes that are printed; the file has them all. */
const shownClasses = 40;

/**
 * `splitmask finetune --dry-run`: prints the decisions and the estimates; nothing is written.
 */
export async function runFinetuneDryRun(
  terminal: CommandTerminal,
  request: Planned<FinetuneRequest>,
): Promise<void> {
  const plan = await finetuneDryRun(request, terminal);
  terminal.result(plan, estimateText(plan, terminal));
}

/**
 * `splitmask finetune`: trains and evaluates; Ctrl-C or SIGTERM stops with a checkpoint, a second one at once.
 *
 * @returns The exit code: 130 or 143 where a signal ended it.
 */
export async function runFinetune(terminal: CommandTerminal, request: FinetuneRequest): Promise<number> {
  return untilStopped(terminal, async (stop) => {
    const result = await finetune({ ...request, signal: stop.signal }, terminal);
    tellSkipped(result.skipped, terminal);
    terminal.line(summaryOf(result));
    const { run, reason, step, steps, evaluation } = result;
    const again =
      `splitmask finetune ${request.run} --train ${request.train} --test ${request.test} --out ` +
      `${run}${request.fromScratch ? " --from-scratch" : ""} --resume`;
    const figures = { ...result, skipped: result.skipped.length };
    if (reason === "interrupted") {
      terminal.result(figures, [`stopped at step ${step} of ${steps}; go on with: ${again}`]);
      return stop.code ?? 1;
    }
    if (evaluation === null) {
      terminal.warn(`the model is saved. When its test pictures are there again, test it with: ${again}`);
      terminal.result(figures, [`run: ${run}`]);
      return 0;
    }
    const classes = Object.entries(evaluation.perClass);
    for (const text of columns(
      classes
        .slice(0, shownClasses)
        .map(([name, share]) => [`  ${printable(name)}`, share === null ? "–" : percent(share, 1)]),
    ))
      terminal.line(text);
    if (classes.length > shownClasses)
      terminal.line(`  … and ${classes.length - shownClasses} more classes in ${evaluationFile}`);
    for (const text of evaluation.warnings) terminal.warn(text);
    const firstFive =
      evaluation.top5 === null ? "" : `, among the first five: ${percent(evaluation.top5, 1)}`;
    terminal.result(figures, [
      `accuracy: ${percent(evaluation.accuracy, 1)}${firstFive} (${classes.length} classes, ${evaluation.test} ` +
        "test pictures)",
      `run: ${run}`,
      `evaluation: ${join(run, evaluationFile)}`,
    ]);
    return 0;
  });
}
