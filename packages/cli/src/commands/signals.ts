import type { CommandLine } from "./commandLine.js";

/** The signals that end work early, and the exit codes that shells give them. */
const signals = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Works until it is done or a signal ends it: the first SIGINT (Ctrl-C) or SIGTERM aborts the work and leaves its exit
 * code, a second one ends the process at once.
 *
 * @param stopping What is told when the first one comes.
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
