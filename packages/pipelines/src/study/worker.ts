import { appendFileSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { silentTerminal, type Terminal } from "../terminal/terminal.js";
import { performStep } from "./performStep.js";
import type { FromWorker, ToWorker } from "./stepMessages.js";
import { StudyFolder } from "./studyFolder.js";

// A process of a study: does the steps that it is told, one after the other.

/** Least time between two messages about the progress of a training, in milliseconds. */
const interval = 200;

const tell = (message: FromWorker) => process.send?.(message);
const stopping = new AbortController();

// The study says when to stop; Ctrl-C reaches every process of the terminal.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined);
// Without the study nobody waits for this step; the next study goes on with it.
process.on("disconnect", () => process.exit(1));

process.on("message", (message: ToWorker) => {
  if (message.type === "stop") stopping.abort();
  else void perform(message);
});

async function perform({ folder, step, threads }: Extract<ToWorker, { type: "step" }>): Promise<void> {
  const studies = new StudyFolder(folder);
  const log = studies.filePath("logs", `${step.key}.txt`);
  mkdirSync(dirname(log), { recursive: true });
  const write = (text: string) => appendFileSync(log, `${new Date().toISOString()} ${text}\n`);
  const terminal: Terminal = {
    ...silentTerminal,
    line: (text = "") => write(text),
    warn: (text) => write(`warning: ${text}`),
  };
  write(step.label);
  let last = Number.NEGATIVE_INFINITY;
  try {
    const record = await performStep(step, {
      ...{ studies, threads, terminal, signal: stopping.signal },
      onProgress(progress) {
        const now = performance.now();
        if (now - last < interval) return;
        last = now;
        tell({ type: "progress", ...progress });
      },
    });
    write(record === null ? "interrupted" : "done");
    tell(record === null ? { type: "interrupted" } : { type: "done", record });
  } catch (error) {
    const failure = error as Error;
    write(`error: ${failure.stack ?? failure.message}`);
    const isStopped = stopping.signal.aborted && failure.name === "AbortError";
    tell(isStopped ? { type: "interrupted" } : { type: "failed", message: failure.message });
  }
}
