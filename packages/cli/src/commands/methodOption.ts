import { parseArgs } from "node:util";
import { loadMethod, methodOfFile } from "@splitmask/pipelines/settings";

/** The method of a command line, as far as its options depend on it. */
export type Method = Awaited<ReturnType<typeof loadMethod>>;

/** The commands that have a method's own settings among their options. */
const commands = new Set(["pretrain", "preview", "bench", "schema"]);

/**
 * The method that a command line means, found before its options are declared, for some of them are the method's own:
 * `--method`, else that of the file of `--config`, else the usual one.
 *
 * @param args The arguments after the program's name.
 * @returns null where the command has no such options.
 * @throws UsageError where there is no such method, or the configuration file cannot be read.
 */
export async function methodOfCommandLine(args: readonly string[]): Promise<Method | null> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { method: { type: "string" }, config: { type: "string" } },
    strict: false,
  });
  const [first, second] = positionals;
  if (!commands.has(String(first === "help" ? second : first))) return null;
  if (typeof values.method === "string") return loadMethod(values.method);
  return loadMethod(typeof values.config === "string" ? await methodOfFile(values.config) : undefined);
}
