import { existsSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { onnxTokenizerKind } from "@splitmask/onnx";
import { loadTokenizer, readTokenizerFile, type TokenizerKind, tokenizerKinds } from "@splitmask/tokenizer";
import { contradiction } from "./settings/decisions.js";
import type { Given } from "./settings/field.js";
import { existingFile, importDefault, isModule } from "./settings/modules.js";
import { UsageError } from "./settings/usageError.js";
import { isTokenizerPath, type tokenizerFields } from "./tokenizerFields.js";

/** The name of a tokenizer's file in run folders. */
export const tokenizerFile = "tokenizer.safetensors";

/**
 * A tokenizer as a configuration holds it, wherever that is used.
 *
 * @param tokenizer The name of a kind, or the path of a module, of an ONNX model, of a fitted tokenizer or of a folder
 *   with one.
 * @returns The name, or the absolute path of a file.
 */
export function tokenizerReference(tokenizer: string): string {
  if (!isTokenizerPath(tokenizer)) return tokenizer;
  const path = resolve(tokenizer);
  return existsSync(path) && statSync(path).isDirectory() ? join(path, tokenizerFile) : path;
}

/**
 * The kind of tokenizers that a setting gives: one of the table, the default export of a module, an ONNX model, or what
 * reads a tokenizer that was fitted before.
 *
 * @param tokenizer A name, or a path.
 * @throws UsageError (rejects) If there is no such file, or what it holds is no tokenizer.
 */
export async function findTokenizerKind(tokenizer: string): Promise<TokenizerKind> {
  if (!isTokenizerPath(tokenizer)) return tokenizerKinds[tokenizer as keyof typeof tokenizerKinds];
  const expected =
    `a ${tokenizerFile}, a folder with one, an .onnx file, or ` +
    "a .js, .mjs or .ts file whose default export is a kind";
  const path = await existingFile(tokenizerReference(tokenizer), "tokenizer", expected);
  if (isOnnx(path)) {
    return onnxTokenizerKind(path).catch((error: Error) => {
      throw new UsageError(`tokenizer: ${error.message}`, { cause: error });
    });
  }
  return isModule(path) ? kindOfModule(path) : kindOfFile(path);
}

/** Whether a tokenizer is an ONNX model. */
export function isOnnx(tokenizer: string): boolean {
  return tokenizer.toLowerCase().endsWith(".onnx");
}

/** What reads a tokenizer that was fitted before. */
async function kindOfFile(path: string): Promise<TokenizerKind> {
  const { name, patchSize, vocabularySize } = await readTokenizerFile(path).catch((error: Error) => {
    throw new UsageError(`tokenizer: ${error.message}`, { cause: error });
  });
  const fit: TokenizerKind["fit"] = (device) => loadTokenizer(device, path);
  return { name, patchSize, vocabularySize, fit, load: loadTokenizer };
}

async function kindOfModule(path: string): Promise<TokenizerKind> {
  const kind = (await importDefault(path, "export default myTokenizerKind;")) as TokenizerKind | null;
  const isKind =
    typeof kind?.name === "string" && typeof kind.fit === "function" && typeof kind.load === "function";
  if (isKind) return kind;
  throw new UsageError(
    `${basename(path)}: its default export is no kind of tokenizers; expected an object with a name and the ` +
      "functions fit and load: a TokenizerKind of @splitmask/tokenizer.",
  );
}

/**
 * Completes what is given of a tokenizer: paths become absolute, and the sizes are those of its file or module.
 *
 * @param given The fields that are given.
 * @throws UsageError (rejects) If a path holds no tokenizer, or one of other sizes than those given.
 */
export async function examineTokenizer<Fields extends Given<typeof tokenizerFields>>(
  given: Fields,
): Promise<Fields> {
  if (given.tokenizer === undefined || !isTokenizerPath(given.tokenizer)) return given;
  const kind = await findTokenizerKind(given.tokenizer);
  const sizes = { vocabulary: kind.vocabularySize, tokenizerPatch: kind.patchSize };
  const fixed = Object.entries(sizes).filter(([, size]) => size !== undefined);
  for (const [name, size] of fixed) {
    const asked = given[name as keyof typeof sizes];
    if (asked !== undefined && asked !== size)
      throw contradiction(name, `${asked}, but the tokenizer ${given.tokenizer} has ${size}; leave it out`);
  }
  return { ...given, tokenizer: tokenizerReference(given.tokenizer), ...Object.fromEntries(fixed) };
}
