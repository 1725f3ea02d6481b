import { basename, extname, resolve } from "node:path";
import type { Method } from "@splitmask/methods";
import { existingFile, importDefault, isModule, UsageError } from "@splitmask/methods/settings";
import type { RunDescription } from "../runs/description.js";
import { commandOf, type RunKindName } from "../runs/runCommands.js";
import { checkFields } from "./check.js";
import type { Config, FinetuneConfig, TokenizerRunConfig } from "./config.js";
import { finetuneFields, pretrainingFields, tokenizerRunFields } from "./fields.js";
import { loadMethod, methodIn } from "./loadMethod.js";

/**
 * Reads a configuration file of `splitmask pretrain`: JSON, a JavaScript module (`.js`, `.mjs`) or, where the running
 * Node.js strips types (22.18 and later, or with `--experimental-strip-types`), a TypeScript module (`.ts`, `.mts`). A
 * module's default export is the configuration, plain or through `defineConfig`.
 *
 * The `config.json` of a run folder gives what its run was given, so that it is repeated with other pictures or with
 * what the command line changes; what follows from these is decided anew.
 *
 * @param path Path of the file.
 * @param method The method; the file's own, or the usual one, when left out.
 * @returns The checked configuration; its method is a name or an absolute path, as `methodOfFile` gives it.
 * @throws UsageError where the file is missing, not readable as what its name says, or holds a wrong field.
 */
export async function readConfigFile(path: string, method?: Method): Promise<Config> {
  const value = await readSettings(path, "pretraining");
  const own = methodNamedBy(value, path);
  const fields = pretrainingFields(method ?? (await loadMethod(own)));
  const config = checkFields(fields, value, basename(path)) as Config;
  return own === undefined ? config : ({ ...config, method: own } as Config);
}

/** The same for `splitmask finetune`. */
export async function readFinetuneFile(path: string): Promise<FinetuneConfig> {
  return checkFields(finetuneFields, await readSettings(path, "classification"), basename(path));
}

/** The same for `splitmask tokenizer fit`. */
export async function readTokenizerRunFile(path: string): Promise<TokenizerRunConfig> {
  return checkFields(tokenizerRunFields, await readFileValue(path), basename(path));
}

/**
 * The method that a configuration file gives: a name, or the absolute path of a module; that of the file itself where
 * the configuration holds the method.
 *
 * @param path Path of the file.
 * @returns undefined where it gives none.
 */
export async function methodOfFile(path: string): Promise<string | undefined> {
  return methodNamedBy(await readSettings(path, "pretraining"), path);
}

/** What a configuration file holds, unchecked; of a run folder's `config.json`, what its run was given. */
async function readSettings(path: string, kind: RunKindName): Promise<unknown> {
  const value = await readFileValue(path);
  const run = value as Partial<RunDescription> | null;
  if (run?.format !== 1 || run.kind === undefined || run.given === undefined) return value;
  if (run.kind !== kind) {
    throw new UsageError(
      `--config: ${path} is that of a run of splitmask ${commandOf[run.kind]}; expected one of splitmask ` +
        `${commandOf[kind]}.`,
    );
  }
  return kind === "pretraining" ? { ...run.given, method: run.methodFile ?? run.method } : run.given;
}

/** A method that a module holds is named by the module, so that the run folder can say where it is. */
function methodNamedBy(value: unknown, path: string): string | undefined {
  const held = methodIn(value, path);
  return typeof held === "object" ? resolve(path) : held;
}

/**
 * What a JSON file or a module holds, unchecked.
 *
 * @param option The option or argument that named the file, for errors.
 * @param example An example of a module's export, for errors.
 */
export async function readFileValue(
  path: string,
  option = "--config",
  example = "export default defineConfig({ imageSize: 64 });",
): Promise<unknown> {
  const name = basename(path);
  const absolute = await existingFile(path, option, "a .json, .js, .mjs or .ts file");
  if (isModule(path)) return importDefault(absolute, example);
  const extension = extname(path).toLowerCase();
  if (extension !== ".json")
    throw new UsageError(
      `${option}: ${name} ends in "${extension}", expected .json, .js, .mjs, .ts or .mts.`,
    );
  const { readTextFile } = await import("@splitmask/data"); // with the decoders: only where it is needed
  const text = await readTextFile(absolute);
  try {
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/, "")); // editors on Windows begin files with it
    // The line that tells editors where its schema is.
    if (typeof value === "object" && value !== null && "$schema" in value) delete value.$schema;
    return value;
  } catch (error) {
    throw new UsageError(`${name}: is not valid JSON: ${(error as Error).message}`);
  }
}
