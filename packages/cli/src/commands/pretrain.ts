import { join } from "node:path";
import {
  dryRun,
  estimateText,
  type Planned,
  type PretrainRequest,
  pretrain,
  summaryOf,
  tellSkipped,
  writeReport,
} from "@splitmask/pipelines";
import type { CommandTerminal } from "../terminal/terminal.js";
import { untilStopped } from "./stopSignals.js";

/**
 * `splitmask pretrain --dry-run`: prints the decisions and the estimates; nothing is written.
 */
export async function runDryRun(terminal: CommandTerminal, request: Planned<PretrainRequest>): Promise<void> {
  const plan = await dryRun(request, terminal);
  terminal.result(plan, estimateText(plan, terminal));
}

/** Writes a run's report; null where that fails, which is a warning: the run itself is whole. */
async function reportOf(run: string, terminal: CommandTerminal): Promise<string | null> {
  try {
    return await writeReport({ run, out: join(run, "report.html") }, terminal);
  } catch (error) {
    terminal.warn(
      `the run is complete, but its report could not be written: ${(error as Error).message} Make it with: ` +
        `splitmask report ${run} --pictures <folder>`,
    );
    return null;
  }
}

/**
 * `splitmask pretrain`: trains and writes the report (where that fails, it warns); Ctrl-C or SIGTERM stops with a
 * checkpoint, a second one at once.
 *
 * @returns The exit code: 130 or 143 where a signal ended it.
 */
export async function runPretrain(terminal: CommandTerminal, request: PretrainRequest): Promise<number> {
  return untilStopped(terminal, async (stop) => {
    const result = await pretrain({ ...request, signal: stop.signal }, terminal);
    tellSkipped(result.skipped, terminal);
    terminal.line(summaryOf(result));
    const { run, reason, step, steps } = result;
    const figures = { ...result, skipped: result.skipped.length };
    if (reason === "interrupted") {
      terminal.result(figures, [
        `stopped at step ${step} of ${steps}; go on with: splitmask pretrain ${request.folder} --out ${run} --resume`,
      ]);
      return stop.code ?? 1;
    }
    const report = await reportOf(run, terminal);
    terminal.result({ ...figures, report }, [
      `run: ${run}`,
      ...(report === null ? [] : [`report: ${report}`]),
    ]);
    return 0;
  });
}
