import { type ChildProcess, fork } from "node:child_process";
import type { StepProgress, StepRecord, StudyStep } from "./step.js";
import type { FromWorker, ToWorker } from "./stepMessages.js";

/** Last characters of what a process wrote to standard error, which tell why it died. */
const keptErrors = 2000;

/** Steps that are long, and that leave a checkpoint. */
const trainings: readonly StudyStep["work"]["kind"][] = ["pretraining", "tokenizer", "finetune"];

/** What came of a step in a process. */
export type ProcessOutcome =
  | { readonly type: "done"; readonly record: StepRecord }
  | { readonly type: "interrupted" }
  | { readonly type: "failed"; readonly message: string };

/** A process that does steps, one after the other. A crash fails the step at hand and nothing else. */
export class StepProcess {
  readonly #child: ChildProcess;
  #errors = "";
  #settle: ((outcome: ProcessOutcome) => void) | null = null;
  #onProgress: (progress: StepProgress) => void = () => undefined;
  #kind: StudyStep["work"]["kind"] | null = null;
  #isStopped = false;
  #isGone = false;

  constructor() {
    this.#child = fork(new URL("worker.js", import.meta.url), [], {
      // Flags that a test runner or debugger gave this process are not for the child.
      execArgv: [],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#errors = (this.#errors + text).slice(-keptErrors);
    });
    this.#child.on("message", (message: FromWorker) => {
      if (message.type === "progress") this.#onProgress(message);
      else this.#end(message);
    });
    this.#child.on("error", (error) => this.#die(error.message));
    this.#child.on("close", (code, signal) =>
      this.#die(
        signal === null ? `its process ended with code ${code}` : `its process was ended by ${signal}`,
      ),
    );
  }

  /** Whether it can do another step. */
  get isAlive(): boolean {
    return !this.#isGone;
  }

  /** Does a step; never rejects. */
  perform(
    step: StudyStep,
    folder: string,
    threads: number,
    onProgress: (progress: StepProgress) => void,
  ): Promise<ProcessOutcome> {
    this.#kind = step.work.kind;
    this.#onProgress = onProgress;
    return new Promise((resolve) => {
      this.#settle = resolve;
      this.#send({ type: "step", step, folder, threads });
    });
  }

  /** Ends a training with a checkpoint, and every other step at once, because these are short. */
  stop(): void {
    this.#isStopped = true;
    if (this.#kind !== null && trainings.includes(this.#kind)) this.#send({ type: "stop" });
    else this.#child.kill("SIGKILL");
  }

  /** Ends an idle process. */
  close(): void {
    this.#isGone = true;
    if (this.#child.connected) this.#child.disconnect();
  }

  #send(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message);
  }

  #end(outcome: ProcessOutcome): void {
    const settle = this.#settle;
    this.#settle = null;
    settle?.(outcome);
  }

  #die(how: string): void {
    this.#isGone = true;
    const said = this.#errors.trim();
    const message = said === "" ? how : `${how}: ${said}`;
    this.#end(this.#isStopped ? { type: "interrupted" } : { type: "failed", message });
  }
}
