import { readFileSync } from "node:fs";

/** The steps of the values in a TensorBoard event file, in order; throws where a record is not whole. */
export function valueSteps(path: string): number[] {
  const bytes = readFileSync(path);
  const steps: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + 12 > bytes.length) throw new Error(`${path} ends in the middle of a record.`);
    const length = Number(bytes.readBigUInt64LE(at));
    const record = bytes.subarray(at + 12, at + 12 + length);
    at += length + 16;
    if (at > bytes.length) throw new Error(`${path} ends in the middle of a record.`);
    // Tag and time take 9 bytes; the step, below 128² here, follows its tag; what comes then is field 5 where the event
    // holds values.
    const long = record[10]! >= 128;
    const step = long ? record[10]! - 128 + 128 * record[11]! : record[10]!;
    if (record[long ? 12 : 11] === 0x2a) steps.push(step);
  }
  return steps;
}
