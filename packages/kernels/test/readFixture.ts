import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const types = { F32: Float32Array, F64: Float64Array, U8: Uint8Array, I32: Int32Array } as const;

/** One array of a fixture. */
export interface FixtureArray {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Uint8Array | Int32Array;
}

/** Reads a safetensors fixture of this folder (the package that reads such files for users stands above this one). */
export function readFixture(name: string): ReadonlyMap<string, FixtureArray> {
  const bytes = readFileSync(fileURLToPath(new URL(`fixtures/${name}.safetensors`, import.meta.url)));
  const headerBytes = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + headerBytes)) as Record<
    string,
    { dtype: keyof typeof types; shape: number[]; data_offsets: [number, number] }
  >;
  const arrays = new Map<string, FixtureArray>();
  for (const [key, entry] of Object.entries(header)) {
    if (key === "__metadata__") continue;
    const [from, to] = entry.data_offsets;
    const copy = new Uint8Array(bytes.subarray(8 + headerBytes + from, 8 + headerBytes + to));
    arrays.set(key, { shape: entry.shape, data: new types[entry.dtype](copy.buffer) });
  }
  return arrays;
}
