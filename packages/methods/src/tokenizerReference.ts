import { existsSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { onnxTokenizerKind } from "@splitmask/onnx";
import {
  type FittedTokenizerKind,
  loadTokenizer,
  readTokenizerFile,
  type TokenizerKind,
  tokenizerKinds,
} from "@splitmask/tokenizer";
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

const isFitted = (kind: Partial<TokenizerKind> | null | undefined): kind is FittedTokenizerKind =>
  typeof kind?.name === "string" && typeof kind.fit === "function" && typeof kind.load === "function";

/**
 * The kind of tokenizers that a setting gives: one of the table, the default export of a module, an ONNX model, or what
 * reads a tokenizer that was fitted before.
 *
 * @param tokenizer A name, or a path.
 * @throws UsageError (rejects) If there is no such file, what it holds is no tokenizer, or the kind has no `fit`.
 */
export async function findTokenizerKind(tokenizer: string): Promise<FittedTokenizerKind> {
  if (!isTokenizerPath(tokenizer)) {
    const kind = (tokenizerKinds as Readonly<Record<string, TokenizerKind>>)[tokenizer];
    if (isFitted(kind)) return kind;
    throw new UsageError(
      `tokenizer: "${tokenizer}" is not made before a run. ` +
        "Train one with splitmask tokenizer fit, and give its folder.",
    );
  }
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
async function kindOfFile(path: string): Promise<FittedTokenizerKind> {
  const { name, patchSize, vocabularySize } = await readTokenizerFile(path).catch((error: Error) => {
    throw new UsageError(`tokenizer: ${error.message}`, { cause: error });
  });
  const fit: FittedTokenizerKind["fit"] = (device) => loadTokenizer(device, path);
  return { name, patchSize, vocabularySize, fit, load: loadTokenizer };
}

async function kindOfModule(path: string): Promise<FittedTokenizerKind> {
  const kind = (await importDefault(
    path,
    "export default myTokenizerKind;",
  )) as Partial<TokenizerKind> | null;
  if (isFitted(kind)) return kind;
  throw new UsageError(
    `${basename(path)}: its default export is no kind of tokenizers; expected an object with a name and the ` +
      "functions fit and load: a TokenizerKind of @splitmask/tokenizer.",
  );
}

/**
 * Completes what is given of a tokenizer: paths become absolute, and the sizes are those of its file or module.
 *
 * @param given The fields that are given, a tokenizer's perhaps among them.
 * @throws UsageError (rejects) If a path holds no tokenizer, or one of other sizes than those given.
 */
export async function examineTokenizer<Chosen extends object>(given: Chosen): Promise<Chosen> {
  const { tokenizer, ...chosen } = given as Given<typeof tokenizerFields>;
  if (tokenizer === undefined || !isTokenizerPath(tokenizer)) return given;
  const kind = await findTokenizerKind(tokenizer);
  const sizes = { vocabulary: kind.vocabularySize, tokenizerPatch: kind.patchSize };
  const fixed = Object.entries(sizes).filter(([, size]) => size !== undefined);
  for (const [name, size] of fixed) {
    const asked = chosen[name as keyof typeof sizes];
    if (asked !== undefined && asked !== size)
      throw contradiction(name, `${asked}, but the tokenizer ${tokenizer} has ${size}; leave it out`);
  }
  return { ...given, tokenizer: tokenizerReference(tokenizer), ...Object.fromEntries(fixed) };
}
