import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { main } from "@splitmask/cli";

/** The built command. */
export const bin = join(
  dirname(createRequire(import.meta.url).resolve("@splitmask/cli/package.json")),
  "dist",
  "bin.js",
);

/** The options of an encoder that trains in a moment, but for its depth and vocabulary. */
export const tinyModel = "--width 32 --heads 2 --image-size 32 --patch 8 --threads 1".split(" ");

/** What a command line gave. */
export interface Outcome {
  readonly code: number | null;
  readonly output: string;
  readonly error: string;
}

/** Runs the command within the test's own process, which is quicker: for what has no signals and no crash. */
export async function callMain(args: readonly string[]): Promise<Outcome> {
  const texts = { output: "", error: "" };
  const stream = (name: "output" | "error") => ({
    write(text: string) {
      texts[name] += text;
    },
  });
  const code = await main(args, { output: stream("output"), error: stream("error") });
  return { code, ...texts };
}

/** Runs the built `splitmask` as a user does; when it says `interruptAt`, presses Ctrl-C once (or sends these signals one after the other). */
export function splitmask(
  args: readonly string[],
  interruptAt?: string,
  signals: readonly NodeJS.Signals[] = ["SIGINT"],
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [bin, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    const texts = { output: "", error: "" };
    let interrupted = false;
    for (const [name, stream] of [
      ["output", child.stdout],
      ["error", child.stderr],
    ] as const) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        texts[name] += text;
        if (interruptAt === undefined || interrupted || !texts[name].includes(interruptAt)) return;
        interrupted = true;
        // Two of the same kind that wait together are delivered as one.
        for (const [index, signal] of signals.entries()) setTimeout(() => child.kill(signal), 60 * index);
      });
    }
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, ...texts }));
  });
}

/** The JSON object in the last line of standard output. */
export function lastLine(outcome: Outcome): Record<string, unknown> {
  return JSON.parse(outcome.output.trimEnd().split("\n").at(-1)!) as Record<string, unknown>;
}
