import { isUtf8 } from "node:buffer";
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { shownName, strayBytes } from "./shownName.js";

/*
 * Names of files are bytes, and nearly always UTF-8. Here they are texts in which a byte that is not UTF-8 is the lone
 * surrogate U+DC00 + byte, as Python writes it (PEP 383): names and texts belong to each other one to one, JSON keeps
 * such a text as it is, and paths are joined and compared as usual. Only where a file is opened the text becomes bytes
 * again.
 */

/** The text of a name, or of any text that may hold bytes that are not UTF-8. */
export function nameFromBytes(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at]!;
    const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const character = bytes.subarray(at, at + length);
    const isCharacter = isUtf8(character);
    text += isCharacter ? character.toString("utf8") : String.fromCharCode(0xdc00 + lead);
    at += isCharacter ? length : 1;
  }
  return text;
}

/** The bytes of a name. */
export function bytesOfName(name: string): Buffer {
  const parts: Buffer[] = [];
  let from = 0;
  for (const { 0: stray, index } of name.matchAll(strayBytes)) {
    parts.push(Buffer.from(name.slice(from, index)), Buffer.of(stray.charCodeAt(0) - 0xdc00));
    from = index + 1;
  }
  parts.push(Buffer.from(name.slice(from)));
  return Buffer.concat(parts);
}

/** What `node:fs` opens a path by: its text, or its bytes where they are not UTF-8. */
export function fileOf(path: string): string | Buffer {
  return path.search(strayBytes) < 0 ? path : bytesOfName(path);
}

/**
 * The path that a person meant by one in which U+FFFD stands for bytes that are not UTF-8, as Node.js gives arguments
 * of the command line: the only one on the disk that reads so. Any other path is given back as it is.
 *
 * @throws Error If several do.
 */
export function recoverName(path: string): string {
  if (!path.includes("\ufffd") || existsSync(path)) return path;
  const [root = "", ...names] = resolve(path).split("/");
  let found = `${root}/`;
  for (const name of names) {
    const alike = name.includes("\ufffd") ? entriesThatRead(name, found) : [name];
    if (alike.length === 0) return path;
    if (alike.length > 1) {
      throw new Error(
        `${path}: ${alike.length} names in ${shownName(found)} read so, ${alike.map(shownName).join(" and ")}. ` +
          "They are not UTF-8: rename one, or give the folder that holds them.",
      );
    }
    found = join(found, alike[0]!);
  }
  return found;
}

/** Names in a folder that Node.js would write as the given text. */
function entriesThatRead(text: string, folder: string): string[] {
  try {
    const names = readdirSync(fileOf(folder), { encoding: "buffer" });
    return names.filter((bytes) => bytes.toString("utf8") === text).map(nameFromBytes);
  } catch {
    return []; // whoever opens it says why
  }
}
