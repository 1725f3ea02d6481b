import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { isNamed, signatureOf } from "../decoding/signature.js";
import { fileOf } from "../fileNames.js";
import { shownName } from "../shownName.js";
import { fileLength } from "./fileFacts.js";
import type { DatasetFormat } from "./formatNames.js";

/** What the formats' own files are by their first bytes. */
const ownSignature: Readonly<Partial<Record<DatasetFormat, string>>> = {
  webdataset: "a tar archive",
  parquet: "a Parquet file",
  idx: "gzip data",
};

/**
 * The error of files that could not be opened, with what the one that it names really is: a pointer of Git LFS, an HTML
 * page, gzip data under a tar archive's name.
 */
export async function mistaken(
  files: readonly string[],
  format: DatasetFormat,
  error: unknown,
): Promise<unknown> {
  if (!(error instanceof Error)) return error;
  const file = files.find((each) => error.message.includes(shownName(resolve(each))));
  if (file === undefined || fileLength(file) <= 0) return error;
  const signature = signatureOf(await firstBytes(file));
  if (signature.kind === "picture" || !isNamed(signature.what)) return error;
  if (signature.what === ownSignature[format]) return error;
  const what = /^looks/.test(signature.what) ? signature.what : `is ${signature.what}`;
  return new Error(`${error.message} By its first bytes it ${what}.`, { cause: error });
}

async function firstBytes(path: string): Promise<Uint8Array> {
  const file = await open(fileOf(path));
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(1024), 0, 1024, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
