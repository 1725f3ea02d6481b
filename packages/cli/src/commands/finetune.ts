import { join } from "node:path";
import { checkFinetuneConfig } from "../config/check.js";
import { readFieldsFile } from "../config/file.js";
import { type FinetuneRequest, finetune } from "../run/finetune.js";
import { evaluationFile } from "../run/finetuneEvaluation.js";
import { tellSkipped } from "../run/skipped.js";
import { summaryOf } from "../run/trainedRun.js";
import { columns, type Terminal } from "../terminal/terminal.js";
import { untilStopped } from "./stopSignals.js";

/** A `splitmask finetune` command line. */
export interface FinetuneCommand extends FinetuneRequest {
  /** Path of `--config`. */
  readonly configFile?: string;
}

/** Classes that are printed; the file has them all. */
const shownClasses = 40;

/**
 * `splitmask finetune`: trains and evaluates; Ctrl-C or SIGTERM stops with a checkpoint, a second one at once.
 *
 * @returns The exit code: 130 or 143 where a signal ended it.
 */
export async function runFinetune(terminal: Terminal, command: FinetuneCommand): Promise<number> {
  const { configFile, ...request } = command;
  const fromFile = configFile === undefined ? {} : await readFieldsFile(configFile, checkFinetuneConfig);
  return untilStopped(terminal, async (stop) => {
    const result = await finetune(
      { ...request, config: { ...fromFile, ...request.config }, signal: stop.signal },
      terminal,
    );
    tellSkipped(result.skipped, terminal);
    terminal.line(summaryOf(result));
    const { run, step, steps, evaluation } = result;
    const figures = { ...result, skipped: result.skipped.length };
    if (evaluation === null) {
      terminal.result(figures, [
        `stopped at step ${step} of ${steps}; go on with: splitmask finetune ${request.run} --train ${request.train} --test ${request.test} --out ${run}${request.fromScratch ? " --from-scratch" : ""} --resume`,
      ]);
      return stop.code ?? 1;
    }
    const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
    const classes = Object.entries(evaluation.perClass);
    for (const text of columns(
      classes
        .slice(0, shownClasses)
        .map(([name, share]) => [`  ${name}`, share === null ? "–" : percent(share)]),
    ))
      terminal.line(text);
    if (classes.length > shownClasses)
      terminal.line(`  … and ${classes.length - shownClasses} more classes in ${evaluationFile}`);
    terminal.result(figures, [
      `accuracy: ${percent(evaluation.accuracy)}, among the first five: ${percent(evaluation.top5)} (${classes.length} classes, ${evaluation.test} test pictures)`,
      `run: ${run}`,
      `evaluation: ${join(run, evaluationFile)}`,
    ]);
    return 0;
  });
}
