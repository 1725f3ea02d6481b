import { join } from "node:path";
import { readConfigFile } from "../config/file.js";
import { type PretrainRequest, pretrain, summaryOf } from "../run/pretrain.js";
import { writeReport } from "../run/report.js";
import { tellSkipped } from "../run/skipped.js";
import type { Terminal } from "../terminal/terminal.js";

/** A `splitmask pretrain` command line. */
export interface PretrainCommand extends PretrainRequest {
  /** Path of `--config`. */
  readonly configFile?: string;
}

/** `splitmask pretrain`: trains and writes the report; Ctrl-C stops with a checkpoint, a second one at once. */
export async function runPretrain(terminal: Terminal, command: PretrainCommand): Promise<void> {
  const { configFile, ...request } = command;
  const fromFile = configFile === undefined ? {} : await readConfigFile(configFile);
  const stop = new AbortController();
  const onSignal = () => {
    if (stop.signal.aborted) process.exit(130);
    terminal.line("stopping after this step, with a checkpoint (Ctrl-C again: at once)");
    stop.abort();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  try {
    const result = await pretrain(
      { ...request, config: { ...fromFile, ...request.config }, signal: stop.signal },
      terminal,
    );
    tellSkipped(result.skipped, terminal);
    terminal.line(summaryOf(result));
    const { run, reason, step, steps, loss, imagesPerSecond, waitingShare, seconds, checkpoint } = result;
    const figures = {
      run,
      reason,
      step,
      steps,
      loss,
      imagesPerSecond,
      waitingShare,
      seconds,
      checkpoint,
      skipped: result.skipped.length,
    };
    if (reason === "interrupted") {
      terminal.result(figures, [
        `stopped at step ${step} of ${steps}; go on with: splitmask pretrain ${request.folder} --out ${run} --resume`,
      ]);
      return;
    }
    const report = join(run, "report.html");
    await writeReport({ run, out: report }, terminal);
    terminal.result({ ...figures, report }, [`run: ${run}`, `report: ${report}`]);
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  }
}
