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

/** What is to happen when the command writes a text: it gets a signal, or a file is moved. */
export type WhenSaid = readonly [
  text: string,
  event: { readonly signal?: NodeJS.Signals; readonly rename?: readonly [from: string, to: string] },
];

/** Runs the built `splitmask` as a user does; what is to happen while it runs happens one after the other. */
export function splitmask(args: readonly string[], ...whenSaid: readonly WhenSaid[]): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const preloaded =
      whenSaid.length === 0 ? [] : ["--import", new URL("whenSaid.mjs", import.meta.url).href];
    const child = spawn(process.execPath, [...preloaded, bin, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, SPLITMASK_TEST_WHEN_SAID: JSON.stringify(whenSaid) },
    });
    const texts = { output: "", error: "" };
    for (const [name, stream] of [
      ["output", child.stdout],
      ["error", child.stderr],
    ] as const) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        texts[name] += text;
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
