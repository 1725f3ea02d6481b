import type { StepProgress, StepRecord, StudyStep } from "./step.js";
import { StepProcess } from "./stepProcess.js";

/** What happens while the steps of a study run. */
export type StepsEvent =
  | { readonly type: "start"; readonly step: StudyStep }
  | { readonly type: "progress"; readonly step: StudyStep; readonly progress: StepProgress }
  | { readonly type: "done"; readonly step: StudyStep; readonly record: StepRecord }
  | { readonly type: "interrupted"; readonly step: StudyStep }
  | { readonly type: "failed"; readonly step: StudyStep; readonly message: string };

/** How steps run. */
export interface RunStepsOptions {
  /** The folder of studies. */
  readonly folder: string;
  /** Processes at a time. */
  readonly processes: number;
  /** Threads of each. */
  readonly threads: number;
  /** Keys of steps that are done already. */
  readonly done: ReadonlySet<string>;
  /** Aborting it stops the steps at hand; trainings leave a checkpoint. */
  readonly signal: AbortSignal | undefined;
  readonly onEvent: (event: StepsEvent) => void;
}

/**
 * Does steps in processes, in their order, each when the step that it depends on (`after`) is done; steps that depend
 * on one that fails are left out.
 *
 * @param steps In an order in which each can be done.
 */
export async function runSteps(steps: readonly StudyStep[], options: RunStepsOptions): Promise<void> {
  const { folder, onEvent, processes: most, signal, threads } = options;
  const done = new Set(options.done);
  const waiting = steps.filter(({ key }) => !done.has(key));
  const idle: StepProcess[] = [];
  const busy = new Map<StepProcess, Promise<void>>();

  const perform = async (step: StudyStep, worker: StepProcess) => {
    onEvent({ type: "start", step });
    const outcome = await worker.perform(step, folder, threads, (progress) =>
      onEvent({ type: "progress", step, progress }),
    );
    busy.delete(worker);
    if (worker.isAlive) idle.push(worker);
    if (outcome.type === "done") done.add(step.key);
    onEvent({ step, ...outcome });
  };

  const stop = () => {
    for (const worker of busy.keys()) worker.stop();
  };
  signal?.addEventListener("abort", stop);
  try {
    for (;;) {
      while (busy.size < most && !signal?.aborted) {
        const next = waiting.findIndex(({ after }) => after === null || done.has(after));
        if (next < 0) break;
        const [step] = waiting.splice(next, 1);
        const worker = idle.pop() ?? new StepProcess();
        busy.set(worker, perform(step!, worker));
      }
      if (busy.size === 0) break;
      await Promise.race(busy.values());
    }
  } finally {
    signal?.removeEventListener("abort", stop);
    for (const worker of idle) worker.close();
  }
}
