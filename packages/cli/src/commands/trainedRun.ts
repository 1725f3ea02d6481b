import { join } from "node:path";
import {
  dryRun,
  estimateText,
  evaluationFile,
  type FinetuneRequest,
  type FinetuneResult,
  type FitTokenizerRequest,
  finetune,
  finetuneDryRun,
  fitTokenizer,
  fitTokenizerDryRun,
  type PretrainRequest,
  pretrain,
  type RunPlan,
  summaryOf,
  type TrainedRun,
  tellSkipped,
  writeReport,
} from "@splitmask/pipelines";
import { columns, printable } from "@splitmask/pipelines/settings";
import { percent } from "@splitmask/report";
import type { CommandTerminal } from "../terminal/terminal.js";
import type { CommandLine } from "./commandLine.js";
import { commandText } from "./commandText.js";
import { withSignals } from "./signals.js";

/** Classes that are printed; the file has them all. */
const shownClasses = 40;

/** `splitmask pretrain`: trains and writes the report; where that fails, it warns. */
export async function runPretrain(
  commandLine: CommandLine,
  request: PretrainRequest,
  planned: boolean,
): Promise<void> {
  const { terminal } = commandLine;
  await planOrTrain(commandLine, planned, {
    plan: () => dryRun(request, terminal),
    train: (signal) => pretrain({ ...request, signal }, terminal),
    again: ({ run }) => commandText(["pretrain", request.folder, "--out", run, "--resume"]),
    whenDone: (result) =>
      tellWithReport(result, terminal, [], commandText(["knn", result.run, "--train"], "<labeled pictures>")),
  });
}

/** `splitmask tokenizer fit`: trains the tokenizer and writes the report. */
export async function runFitTokenizer(
  commandLine: CommandLine,
  request: FitTokenizerRequest,
  planned: boolean,
): Promise<void> {
  const { terminal } = commandLine;
  await planOrTrain(commandLine, planned, {
    plan: () => fitTokenizerDryRun(request, terminal),
    train: (signal) => fitTokenizer({ ...request, signal }, terminal),
    again: ({ run }) => commandText(["tokenizer", "fit", request.folder, "--out", run, "--resume"]),
    whenDone: (result) =>
      tellWithReport(
        result,
        terminal,
        [`tokenizer: ${result.tokenizer}`],
        commandText(["pretrain", request.folder, "--tokenizer", result.run]),
      ),
  });
}

/** Writes a run's report, and tells where both are, and the command that usually comes next. */
async function tellWithReport(
  result: TrainedRun,
  terminal: CommandTerminal,
  files: readonly string[],
  next: string,
): Promise<void> {
  const { run } = result;
  const report = await reportOf(run, terminal);
  terminal.result({ ...figuresOf(result), report }, [
    `run: ${run}`,
    ...files,
    ...(report === null ? [] : [`report: ${report}`]),
    `next: ${next}`,
  ]);
}

/** `splitmask finetune`: trains and evaluates. */
export async function runFinetune(
  commandLine: CommandLine,
  request: FinetuneRequest,
  planned: boolean,
): Promise<void> {
  const { terminal } = commandLine;
  const tested = request.test === undefined ? [] : ["--test", request.test];
  const start = request.fromScratch ? ["--from-scratch"] : [];
  const again = ({ run }: TrainedRun) =>
    commandText([
      "finetune",
      request.run,
      ...["--train", request.train, ...tested, "--out", run, ...start],
      "--resume",
    ]);
  await planOrTrain(commandLine, planned, {
    plan: () => finetuneDryRun(request, terminal),
    train: (signal) => finetune({ ...request, signal }, terminal),
    again,
    whenDone: (result) => tellAccuracy(result, again(result), terminal),
  });
}

/** Tells what a fine-tuned model is worth; where its test pictures are gone, how to test it. */
function tellAccuracy(result: FinetuneResult, again: string, terminal: CommandTerminal): void {
  const { run, evaluation } = result;
  if (evaluation === null) {
    terminal.warn(`the model is saved. When its test pictures are there again, test it with: ${again}`);
    terminal.result(figuresOf(result), [`run: ${run}`]);
    return;
  }
  const { accuracy, perClass, test, top5, warnings } = evaluation;
  const classes = Object.entries(perClass);
  const rows = classes
    .slice(0, shownClasses)
    .map(([name, share]) => [`  ${printable(name)}`, share === null ? "–" : percent(share, 1)]);
  for (const text of columns(rows)) terminal.line(text);
  if (classes.length > shownClasses)
    terminal.line(`  … and ${classes.length - shownClasses} more classes in ${evaluationFile}`);
  for (const text of warnings) terminal.warn(text);
  const firstFive = top5 === null ? "" : `, among the first five: ${percent(top5, 1)}`;
  terminal.result(figuresOf(result), [
    `accuracy: ${percent(accuracy, 1)}${firstFive} (${classes.length} classes, ${test} test pictures)`,
    `run: ${run}`,
    `evaluation: ${join(run, evaluationFile)}`,
    `next: ${commandText(["predict", run], "<pictures>")}`,
  ]);
}

const figuresOf = (result: TrainedRun) => ({ ...result, skipped: result.skipped.length });

/** Writes a run's report; null where that fails, which is a warning: the run itself is whole. */
async function reportOf(run: string, terminal: CommandTerminal): Promise<string | null> {
  try {
    return await writeReport({ run, out: join(run, "report.html") }, terminal);
  } catch (error) {
    terminal.warn(
      `the run is complete, but its report could not be written: ${(error as Error).message} Make it with: ` +
        commandText(["report", run, "--pictures"], "<folder>"),
    );
    return null;
  }
}

/** The steps of a command that trains. */
interface TrainingSteps<Result> {
  /** What `--dry-run` tells. */
  readonly plan: () => Promise<RunPlan>;
  readonly train: (signal: AbortSignal) => Promise<Result>;
  /** The command line that goes on with a run. */
  readonly again: (result: Result) => string;
  /** Tells what came of a run that was not ended. */
  readonly whenDone: (result: Result) => Promise<void> | void;
}

/**
 * Tells the plan, or trains until it is done or a signal ends it: SIGINT (Ctrl-C) and SIGTERM end it after the step at
 * hand, with a checkpoint; a second one ends the process at once, which harms no checkpoint, for one is only there when
 * complete.
 */
async function planOrTrain<Result extends TrainedRun>(
  commandLine: CommandLine,
  planned: boolean,
  { again, plan: makePlan, train, whenDone }: TrainingSteps<Result>,
): Promise<void> {
  const { terminal } = commandLine;
  if (planned) {
    const plan = await makePlan();
    terminal.result(plan, estimateText(plan, terminal));
    return;
  }
  const stopping = "stopping after this step, with a checkpoint (Ctrl-C again: at once)";
  await withSignals(commandLine, stopping, async (signal) => {
    try {
      const result = await train(signal);
      tellSkipped(result.skipped, terminal);
      terminal.line(summaryOf(result));
      const { reason, step, steps } = result;
      if (reason === "interrupted") {
        terminal.result(figuresOf(result), [
          `stopped at step ${step} of ${steps}; go on with: ${again(result)}`,
        ]);
        return;
      }
      await whenDone(result);
      commandLine.exitCode = 0; // also where a signal came with or after the last step
    } catch (error) {
      // Before the first step there is nothing to save.
      if (!signal.aborted || (error as Error).name !== "AbortError") throw error;
      terminal.endProgress();
      terminal.line("stopped before the first step");
    }
  });
}
