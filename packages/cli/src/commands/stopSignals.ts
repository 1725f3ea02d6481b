import type { CommandTerminal } from "../terminal/terminal.js";

/** The signals that end a run early, and the exit codes that shells give them. */
const codes = { SIGINT: 130, SIGTERM: 143 } as const;

/** What {@link stopOnSignals} gives. */
export interface StopSignals {
  /** Is aborted by the first signal. */
  readonly signal: AbortSignal;
  /** The exit code of the signal that came; null while none did. */
  readonly code: number | null;
  /** Leaves signals to Node.js again. */
  release(): void;
}

/**
 * Listens to SIGINT (Ctrl-C) and SIGTERM: the first asks for an end after the step at hand, a second ends the process
 * at once. That harms no checkpoint, for one is only there when it is
 * complete.
 *
 * @param onFirst Hears of the first.
 */
function stopOnSignals(onFirst: () => void): StopSignals {
  const controller = new AbortController();
  let code: number | null = null;
  const listeners = Object.entries(codes).map(([name, exitCode]) => {
    const listener = () => {
      if (code !== null) process.exit(exitCode);
      code = exitCode;
      onFirst();
      controller.abort();
    };
    process.on(name, listener);
    return [name, listener] as const;
  });
  return {
    signal: controller.signal,
    get code() {
      return code;
    },
    release: () => {
      for (const [name, listener] of listeners) process.off(name, listener);
    },
  };
}

/**
 * Trains until it is done or a signal ends it: the first one after the step at hand, with a checkpoint, a second one at
 * once.
 *
 * @param terminal Where it is told.
 * @param work Trains; gives the exit code.
 * @returns The exit code: 130 or 143 where a signal came before the first step.
 */
export async function untilStopped(
  terminal: CommandTerminal,
  work: (stop: StopSignals) => Promise<number>,
): Promise<number> {
  const stop = stopOnSignals(() =>
    terminal.line("stopping after this step, with a checkpoint (Ctrl-C again: at once)"),
  );
  try {
    return await work(stop);
  } catch (error) {
    // Before the first step there is nothing to save.
    if (stop.code === null || (error as Error).name !== "AbortError") throw error;
    terminal.endProgress();
    terminal.line("stopped before the first step");
    return stop.code;
  } finally {
    stop.release();
  }
}
