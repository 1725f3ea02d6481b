import type { Stats } from "node:fs";
import { lstat, open } from "node:fs/promises";
import { fileOf } from "../fileNames.js";
import { unusualCoding } from "./jpegSegments.js";
import { signatureOf } from "./signature.js";
import { isTruncated } from "./truncation.js";

/** Larger files are not looked through for where they end. */
const mostBytes = 256 << 20;
const headBytes = 4096;

/**
 * What an error of the file system says of a path, in a few words.
 *
 * @param path The file.
 * @param error What `stat`, `open` or `read` rejected with.
 */
export async function unreadableReason(path: string, error: unknown): Promise<string> {
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  switch (code) {
    case "ENOENT":
    case "ENOTDIR": {
      const link = await lstat(fileOf(path)).catch(() => null);
      return link?.isSymbolicLink() ? "a link to a file that is missing" : "the file is missing";
    }
    case "ELOOP":
      return "a link that leads to itself";
    case "EACCES":
    case "EPERM":
      return "no permission to read it";
    case "ENAMETOOLONG":
      return "its name is too long for the file system";
    default:
      return `the file system cannot read it (${code})`;
  }
}

/**
 * Why a path cannot be a picture, whatever it holds; null where it may be one. Named pipes and devices must not be
 * opened: nobody may ever write to them.
 *
 * @param status What `stat` says.
 */
export function notAFile(status: Stats): string | null {
  if (status.isFile()) return status.size === 0 ? zeroBytes : null;
  if (status.isDirectory()) return "a folder, not a file";
  if (status.isFIFO()) return "a named pipe, not a file";
  if (status.isSocket()) return "a socket, not a file";
  return "a device, not a file";
}

const zeroBytes = "zero bytes";

/**
 * Looks at a file that could not be decoded: what is it, does it end too early? The decoder's own words are not used:
 * libvips keeps one text for all its threads.
 *
 * @param source A path, or the bytes of a file.
 * @returns What is wrong, in a few words that are the same every time.
 */
export async function diagnose(source: string | Uint8Array): Promise<string> {
  if (typeof source !== "string") return diagnoseBytes(source, source.byteLength);
  try {
    const file = await open(fileOf(source), "r");
    try {
      const { size } = await file.stat();
      const bytes = Buffer.alloc(size <= mostBytes ? size : headBytes);
      const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
      return diagnoseBytes(bytes.subarray(0, bytesRead), size);
    } finally {
      await file.close();
    }
  } catch (error) {
    return unreadableReason(source, error);
  }
}

function diagnoseBytes(bytes: Uint8Array, size: number): string {
  if (size === 0) return zeroBytes;
  const signature = signatureOf(bytes);
  if (signature.kind === "other") return `not a picture: ${signature.what}`;
  const { format } = signature;
  if (bytes.byteLength === size && isTruncated(format, bytes))
    return `truncated: the ${format} data ends too early`;
  const unusual = format === "JPEG" ? unusualCoding(bytes) : null;
  if (unusual !== null)
    return `a JPEG file with ${unusual}, which is not decoded; save it as baseline JPEG or PNG`;
  return `damaged: the ${format} data cannot be decoded`;
}
