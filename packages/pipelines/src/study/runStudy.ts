import { cpuInfo } from "@splitmask/kernels";
import { formatDuration, percent, type StudyResults, studyPage } from "@splitmask/report";
import { examineMachine } from "../machine/machine.js";
import { withDevice } from "../machine/withDevice.js";
import { minuteOf } from "../reports/report.js";
import type { MachineFacts } from "../settings/facts.js";
import { formatBytes } from "../settings/quantities.js";
import { columns } from "../terminal/columns.js";
import { silentTerminal, type Terminal } from "../terminal/terminal.js";
import { layOut, type StudyLayout } from "./layout.js";
import type { StudyPlan } from "./plan.js";
import { gatherResults } from "./results.js";
import { resultText } from "./resultText.js";
import { runSteps, type StepsEvent } from "./runSteps.js";
import type { StepRecord, StudyStep } from "./step.js";
import { StudyFolder } from "./studyFolder.js";
import { TimeLeft } from "./timeLeft.js";

/** What to study, and where. */
export interface StudyRequest {
  /** The plan, of `readPlan` or `checkPlan`. */
  readonly plan: StudyPlan;
  /** Folder of studies; plans with the same folder share steps. */
  readonly out: string;
  /** Processes at a time. Default: one for every two cores, but no more than fit in memory. */
  readonly processes?: number;
  /** Aborting it ends trainings with a checkpoint; the same request later goes on from there. */
  readonly signal?: AbortSignal;
}

/** What came of it. */
export interface StudyOutcome {
  /** The results so far. */
  readonly results: StudyResults;
  /** Whether the signal ended it. */
  readonly interrupted: boolean;
  /** The files that were written. */
  readonly files: {
    /** Tables as text. */
    readonly text: string;
    /** Everything, as JSON. */
    readonly json: string;
    /** The page. */
    readonly page: string;
  };
}

/** How long a cell of a study is going to take. */
export interface CellEstimate {
  /** Label of its row. */
  readonly row: string;
  /** Its seed. */
  readonly seed: number;
  /** Time of its steps that are not done and not shared with a cell before it, in seconds. */
  readonly seconds: number;
}

/** How long a study is going to take. */
export interface StudyEstimate {
  /** The cells. */
  readonly cells: readonly CellEstimate[];
  /** Number of steps. */
  readonly steps: number;
  /** Those of them that are done already. */
  readonly done: number;
  /** Processes at a time. */
  readonly processes: number;
  /** Time until all is done, in seconds. */
  readonly seconds: number;
}

/** How many processes there are, and each one's share of the machine. */
interface Shares {
  readonly processes: number;
  readonly threads: number;
  readonly machine: MachineFacts;
}

/**
 * Pre-trains and evaluates every cell of a plan, and writes tables. Each step is done once: what is finished is kept,
 * and what was interrupted, also by a crash, goes on from its last checkpoint.
 *
 * @param request What and where.
 * @param terminal Where it tells how far it is.
 * @throws UsageError where settings contradict each other.
 * @throws Error where pictures are missing, or another process works in the folder. A step that fails is in the results
 *   instead, and the others go on.
 */
export async function study(
  request: StudyRequest,
  terminal: Terminal = silentTerminal,
): Promise<StudyOutcome> {
  const { out, plan, signal } = request;
  const studies = new StudyFolder(out);
  const lock = await studies.lock();
  try {
    const shares = await sharesOf(request.processes);
    const { machine } = shares;
    const layout = await layOut(plan, { studies, isWritten: true, machine, terminal });
    const records = await readRecords(studies, layout);
    const processes = fittingProcesses(shares.processes, request.processes, layout, machine, terminal);
    const progress = new StudyProgress(layout, records, processes, terminal);
    progress.begin();
    const drawing = setInterval(() => progress.draw(), 500);
    const gathered = () => gatherResults(plan, layout, records, progress.failures);
    // Results are written after each step, so that they can be looked at meanwhile.
    let writing: Promise<unknown> = Promise.resolve();
    try {
      await runSteps(layout.steps, {
        ...{ folder: studies.path, processes, threads: shares.threads, signal },
        done: new Set(records.keys()),
        onEvent(event) {
          progress.hear(event);
          if (event.type === "done") {
            const failed = ({ message }: Error) => terminal.warn(`results: ${message}`);
            writing = writing.then(() => writeResults(studies, gathered())).catch(failed);
          }
        },
      });
    } finally {
      clearInterval(drawing);
      terminal.endProgress();
    }
    await writing;
    const results = gathered();
    return {
      results,
      interrupted: signal?.aborted === true && results.steps.done < results.steps.all,
      files: await writeResults(studies, results),
    };
  } finally {
    await lock.release();
  }
}

/**
 * Lists the cells of a study with how long they take, without doing or writing anything.
 *
 * @param request What and where.
 * @param terminal Where notes on the pictures are told.
 * @throws UsageError and Error as `study` does.
 */
export async function studyDryRun(
  { out, plan, processes: asked }: Omit<StudyRequest, "signal">,
  terminal: Terminal = silentTerminal,
): Promise<StudyEstimate> {
  const studies = new StudyFolder(out);
  const shares = await sharesOf(asked);
  const { machine } = shares;
  const layout = await layOut(plan, { studies, isWritten: false, machine, terminal });
  const records = await readRecords(studies, layout);
  const processes = fittingProcesses(shares.processes, asked, layout, machine, terminal);
  const left = new TimeLeft(layout.steps, processes);
  const steps = new Map(layout.steps.map((step) => [step.key, step]));
  for (const [key, record] of records) left.finish(steps.get(key)!, record);
  const told = new Set(records.keys());
  const cells = layout.cells.map(({ encoder, evaluations, row, seed }) => {
    let seconds = 0;
    for (const key of [encoder, ...Object.values(evaluations)]) {
      if (!told.has(key)) seconds += steps.get(key)!.seconds;
      told.add(key);
    }
    return { row, seed, seconds };
  });
  return { cells, steps: layout.steps.length, done: records.size, processes, seconds: left.all };
}

/**
 * The cells of a dry run as lines for people.
 *
 * @param estimate What `studyDryRun` gave.
 */
export function studyEstimateText({ cells, done, processes, seconds, steps }: StudyEstimate): string[] {
  const rows = cells.map(({ row, seed, seconds: own }) => [
    `  ${row}`,
    `seed ${seed}`,
    own === 0 ? "nothing to do" : `about ${formatDuration(own)}`,
  ]);
  const process = processes === 1 ? "one process" : `${processes} processes`;
  return [
    ...columns(rows),
    `${cells.length} cells, ${steps} steps, ${done} of them done; about ${formatDuration(seconds)} left in ${process}`,
  ];
}

async function sharesOf(asked: number | undefined): Promise<Shares> {
  const { threads: cores } = cpuInfo();
  const processes = asked ?? Math.max(1, Math.floor(cores / 2));
  const threads = Math.max(1, Math.floor(cores / processes));
  const machine = await withDevice(threads, examineMachine);
  const share = { memoryBytes: machine.memoryBytes / processes, freeBytes: machine.freeBytes / processes };
  return { processes, threads, machine: { ...machine, ...share } };
}

/** As many processes as fit in memory; more only if they were asked for, with a warning. */
function fittingProcesses(
  processes: number,
  asked: number | undefined,
  { steps }: StudyLayout,
  { freeBytes }: MachineFacts,
  terminal: Terminal,
): number {
  const most = Math.max(...steps.map(({ memoryBytes }) => memoryBytes));
  const free = processes * freeBytes;
  const fitting = Math.max(1, Math.min(processes, Math.floor(free / most)));
  if (fitting === processes) return processes;
  if (asked === undefined) return fitting;
  terminal.warn(
    `${processes} processes may take ${formatBytes(processes * most)} of memory and ${formatBytes(free)} are free: ` +
      `give --processes ${fitting} if the machine swaps.`,
  );
  return processes;
}

async function readRecords(studies: StudyFolder, { steps }: StudyLayout): Promise<Map<string, StepRecord>> {
  const records = new Map<string, StepRecord>();
  for (const { key } of steps) {
    const record = await studies.read<StepRecord>("steps", key);
    if (record !== null) records.set(key, record);
  }
  return records;
}

async function writeResults(studies: StudyFolder, results: StudyResults): Promise<StudyOutcome["files"]> {
  const path = (ending: string) => studies.filePath("results", `${results.name}.${ending}`);
  const files = { text: path("txt"), json: path("json"), page: path("html") };
  await studies.writeText(files.text, resultText(results));
  await studies.writeText(files.json, `${JSON.stringify(results, null, 2)}\n`);
  await studies.writeText(files.page, studyPage(results, minuteOf(new Date())));
  return files;
}

/** Tells how far a study is: on a terminal a line for each step at hand, elsewhere a line when one is done. */
class StudyProgress {
  readonly failures: { step: string; message: string }[] = [];
  readonly #terminal: Terminal;
  readonly #records: Map<string, StepRecord>;
  readonly #left: TimeLeft;

  constructor(
    { steps }: StudyLayout,
    records: Map<string, StepRecord>,
    processes: number,
    terminal: Terminal,
  ) {
    this.#terminal = terminal;
    this.#records = records;
    this.#left = new TimeLeft(steps, processes);
    for (const step of steps) {
      const record = records.get(step.key);
      if (record !== undefined) this.#left.finish(step, record);
    }
  }

  begin(): void {
    const { all, done, total } = this.#left;
    this.#terminal.line(`${total} steps, ${done} of them done; about ${formatDuration(all)} left`);
  }

  hear(event: StepsEvent): void {
    const { step } = event;
    switch (event.type) {
      case "start":
        this.#left.start(step);
        break;
      case "progress":
        this.#left.progress(step, event.progress);
        break;
      case "done":
        this.#records.set(step.key, event.record);
        this.#left.finish(step, event.record);
        this.#terminal.line(this.#doneText(step, event.record));
        break;
      case "interrupted":
        this.#left.drop(step);
        this.#terminal.line(`stopped: ${step.label}`);
        break;
      case "failed":
        this.#left.drop(step);
        this.failures.push({ step: step.label, message: event.message });
        this.#terminal.warn(`${step.label} failed: ${event.message}`);
        break;
    }
    this.draw();
  }

  /** Draws the steps at hand on a terminal. */
  draw(): void {
    if (!this.#terminal.live) return;
    const left = this.#left;
    const running = left.running.map((each) => {
      const { progress, step } = each;
      const trained = progress === null ? "" : `  step ${progress.step} of ${progress.steps}`;
      return `${step.label}${trained}  ${formatDuration(left.left(each))} left`;
    });
    const all = `${left.done} of ${left.total} steps done, about ${formatDuration(left.all)} left`;
    this.#terminal.progress([...running, all]);
  }

  #doneText(step: StudyStep, { accuracy, seconds }: StepRecord): string {
    const { all, done, total } = this.#left;
    const found = accuracy === null ? "" : ` ${percent(accuracy.accuracy, 1)}`;
    const time = seconds === null ? "" : ` in ${formatDuration(seconds)}`;
    return `[${done}/${total}] ${step.label}${found}${time}; about ${formatDuration(all)} left`;
  }
}
