import type { CommandLine } from "./commandLine.js";

/** The signals that end work early, and the exit codes that shells give them. */
const signals = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Runs work that a signal can end: the first SIGINT (Ctrl-C) or SIGTERM aborts it and sets the exit code, a second one
 * ends the process at once.
 *
 * @param stopping What is printed at the first signal.
 */
export async function withSignals(
  commandLine: CommandLine,
  stopping: string,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const controller = new AbortController();
  const stop = (name: keyof typeof signals) => {
    if (controller.signal.aborted) process.exit(signals[name]);
    commandLine.exitCode = signals[name];
    commandLine.terminal.line(stopping);
    controller.abort();
  };
  const names = Object.keys(signals) as (keyof typeof signals)[];
  for (const name of names) process.on(name, stop);
  try {
    await work(controller.signal);
  } finally {
    for (const name of names) process.off(name, stop);
  }
}
