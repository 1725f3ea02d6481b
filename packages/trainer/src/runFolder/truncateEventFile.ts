import { readFile, rm, truncate } from "node:fs/promises";
import { maskedCrc32c } from "./crc32c.js";

/** Bytes of a record before and after its contents: length, checksum; checksum. */
const BEFORE = 12;
const AFTER = 4;
/** Bytes of an event before its step: tag and wall time, tag. */
const STEP_AT = 10;

/**
 * Cuts an event file of {@link TensorboardEventFile} off after the last event of `step`, or before a record that is not
 * whole: what a resumed run writes anew. A file in which no values are left is removed.
 */
export async function truncateEventFile(path: string, step: number): Promise<void> {
  const bytes = await readFile(path);
  let end = 0;
  let records = 0;
  while (end < bytes.length) {
    const record = recordAt(bytes, end);
    if (record === null || stepOf(record) > step) break;
    end += BEFORE + record.length + AFTER;
    records++;
  }
  // The first two tell the version and where a session starts.
  if (records <= 2) await rm(path, { force: true });
  else if (end < bytes.length) await truncate(path, end);
}

/** The contents of the record that begins at a position; null where it is cut off or was changed. */
function recordAt(bytes: Buffer, at: number): Buffer | null {
  if (at + BEFORE > bytes.length) return null;
  const length = Number(bytes.readBigUInt64LE(at));
  const end = at + BEFORE + length;
  if (end + AFTER > bytes.length) return null;
  const record = bytes.subarray(at + BEFORE, end);
  const whole =
    maskedCrc32c(bytes.subarray(at, at + 8)) === bytes.readUInt32LE(at + 8) &&
    maskedCrc32c(record) === bytes.readUInt32LE(end);
  return whole ? record : null;
}

/** The step of an event, a varint. */
function stepOf(record: Buffer): number {
  let step = 0;
  for (let at = STEP_AT, factor = 1; at < record.length; at++, factor *= 128) {
    const byte = record[at]!;
    step += (byte & 127) * factor;
    if (byte < 128) break;
  }
  return step;
}
