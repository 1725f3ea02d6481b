import { readFile } from "node:fs/promises";
import { fileOf, nameFromBytes } from "../fileNames.js";

/**
 * The text of a file's bytes: UTF-8, or UTF-16 where a byte order mark says so (as Windows' programs write it). Bytes
 * that are not UTF-8 are kept as in names of files (`nameFromBytes`), since lists hold such names.
 *
 * @param bytes The file; a byte order mark is no part of the text.
 */
export function decodeText(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer[0] === 0xff && buffer[1] === 0xfe) return buffer.toString("utf16le", 2);
  if (buffer[0] === 0xfe && buffer[1] === 0xff) return new TextDecoder("utf-16be").decode(buffer);
  const hasMark = buffer[0] === 0xef && buffer[1] === 0xbb && buffer[2] === 0xbf;
  return nameFromBytes(hasMark ? buffer.subarray(3) : buffer);
}

/**
 * Reads a file as text, as `decodeText` does.
 *
 * @param path The file.
 */
export async function readTextFile(path: string): Promise<string> {
  return decodeText(await readFile(fileOf(path)));
}

/** Numbers that JSON does not have, or a text, which is left as it is. */
const textOrNoNumber = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\b(?:NaN|Infinity)\b/gs;

/**
 * Parses JSON that may hold `NaN` and `Infinity`, as Python writes them: they become null.
 *
 * @throws SyntaxError If it is not JSON otherwise either; the message is that of the text as it was.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!/NaN|Infinity/.test(text)) throw error;
    try {
      return JSON.parse(text.replace(textOrNoNumber, (token) => (token.startsWith('"') ? token : "null")));
    } catch {
      throw error;
    }
  }
}
