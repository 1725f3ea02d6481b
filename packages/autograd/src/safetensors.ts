import { readFile, writeFileDurably } from "#platform";
import { formatShape, sizeOf } from "./shape.js";
import type { HostTensor } from "./tensor.js";

/** What a safetensors file holds. */
export interface SafetensorsFile {
  /** The tensors by name, in the order of the file. */
  readonly tensors: Map<string, HostTensor>;
  /** The free text entries of the header. */
  readonly metadata: Record<string, string>;
}

interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** The dtypes that are read: bytes of an element, and how bytes become a host tensor's elements. */
const readers = {
  F64: { bytes: 8, dtype: "float64", view: (raw: ArrayBuffer) => new Float64Array(raw) },
  F32: { bytes: 4, dtype: "float32", view: (raw: ArrayBuffer) => new Float32Array(raw) },
  F16: {
    bytes: 2,
    dtype: "float32",
    view: (raw: ArrayBuffer) => Float32Array.from(new Uint16Array(raw), halfToNumber),
  },
  BF16: { bytes: 2, dtype: "float32", view: bfloat16ToFloat32 },
  I64: { bytes: 8, dtype: "int64", view: (raw: ArrayBuffer) => new BigInt64Array(raw) },
  I32: { bytes: 4, dtype: "int32", view: (raw: ArrayBuffer) => new Int32Array(raw) },
  U8: { bytes: 1, dtype: "uint8", view: (raw: ArrayBuffer) => new Uint8Array(raw) },
} as const;

const written = { float64: "F64", float32: "F32", int64: "I64", int32: "I32", uint8: "U8" } as const;

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function bfloat16ToFloat32(raw: ArrayBuffer): Float32Array<ArrayBuffer> {
  const wide = Uint32Array.from(new Uint16Array(raw), (bits) => bits << 16);
  return new Float32Array(wide.buffer);
}

/**
 * Reads the bytes of a safetensors file. F16 and BF16 become float32.
 *
 * @param source How errors name the data, e.g. the path.
 * @throws Error If the bytes are truncated, the header is not valid, offsets overlap or leave gaps, or a dtype is
 * unknown.
 */
export function parseSafetensors(bytes: Uint8Array, source = "the safetensors data"): SafetensorsFile {
  const fail = (problem: string): never => {
    throw new Error(
      `readSafetensors: ${source} ${problem}. The file is incomplete or not a safetensors file; ` +
        "write or download it again.",
    );
  };
  if (bytes.length < 8) fail(`has ${bytes.length} bytes; a header's length alone takes 8`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (length > bytes.length - 8)
    fail(`says its header has ${length} bytes, but only ${bytes.length - 8} follow`);
  let header: Record<string, HeaderEntry>;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + length)));
  } catch (error) {
    return fail(`has a header that is not JSON (${(error as Error).message})`);
  }
  if (typeof header !== "object" || header === null || Array.isArray(header))
    fail("has a header that is not an object");
  const { __metadata__: metadata = {}, ...entries } = header as Record<string, HeaderEntry> & {
    __metadata__?: Record<string, string>;
  };
  const data = bytes.subarray(8 + length);
  const tensors = new Map<string, HostTensor>();
  const ranges: { name: string; start: number; end: number }[] = [];
  for (const [name, entry] of Object.entries(entries as Record<string, HeaderEntry>)) {
    const reader = readers[entry.dtype as keyof typeof readers];
    if (reader === undefined) {
      fail(`holds ${name} as ${entry.dtype}, which is not among ${Object.keys(readers).join(", ")}`);
    }
    const { shape, data_offsets: offsets } = entry;
    if (!isSizes(shape) || !isSizes(offsets) || offsets.length !== 2) {
      fail(`has no valid shape and offsets for ${name}`);
    }
    const [start, end] = offsets;
    if (end - start !== sizeOf(shape) * reader.bytes) {
      fail(
        `gives ${name} ${end - start} bytes, ` +
          `but ${formatShape(shape)} ${entry.dtype} takes ${sizeOf(shape) * reader.bytes}`,
      );
    }
    if (end > data.length)
      fail(`ends at byte ${data.length} of its data, but ${name} lies at ${start} … ${end}`);
    ranges.push({ name, start, end });
    // A copy, so that elements are aligned and one kept tensor does not keep the whole file.
    tensors.set(name, {
      dtype: reader.dtype,
      shape,
      data: reader.view(new Uint8Array(data.subarray(start, end)).buffer),
    });
  }
  ranges.sort((a, b) => a.start - b.start || a.end - b.end);
  let position = 0;
  for (const { name, start, end } of ranges) {
    if (start !== position)
      fail(`leaves a gap or an overlap before ${name}: it starts at ${start}, expected ${position}`);
    position = end;
  }
  if (position !== data.length) fail(`has ${data.length - position} bytes after its last tensor`);
  return { tensors, metadata };
}

function isSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/**
 * Reads a safetensors file.
 *
 * @throws (rejects) Error If the file cannot be read or is not valid: see `parseSafetensors`.
 */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
  return parseSafetensors(await readFile(path), path);
}

/**
 * The header of a safetensors file, and the tensors in the order in which their bytes follow: larger elements first, so
 * that all are aligned.
 */
function layOut(
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>>,
): { header: Uint8Array; parts: Uint8Array[] } {
  const entries = [...tensors].map(([name, host]) => {
    const raw = new Uint8Array(host.data.buffer, host.data.byteOffset, host.data.byteLength);
    const elementBytes = host.data.BYTES_PER_ELEMENT;
    if (raw.length !== sizeOf(host.shape) * elementBytes) {
      throw new Error(
        `writeSafetensors: ${name} is ${formatShape(host.shape)}, ${sizeOf(host.shape)} elements, ` +
          `but its data holds ${raw.length / elementBytes}.`,
      );
    }
    if (name === "__metadata__")
      throw new Error('writeSafetensors: a tensor cannot be called "__metadata__".');
    return { name, host, raw, elementBytes };
  });
  entries.sort((a, b) => b.elementBytes - a.elementBytes || (a.name < b.name ? -1 : 1));
  const header: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) header.__metadata__ = metadata;
  let position = 0;
  for (const { name, host, raw } of entries) {
    header[name] = {
      dtype: written[host.dtype],
      shape: host.shape,
      data_offsets: [position, position + raw.length],
    };
    position += raw.length;
  }
  const text = JSON.stringify(header);
  const size = new TextEncoder().encode(text).length;
  const padded = new TextEncoder().encode(text + " ".repeat((8 - (size % 8)) % 8));
  const bytes = new Uint8Array(8 + padded.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded.length), true);
  bytes.set(padded, 8);
  return { header: bytes, parts: entries.map(({ raw }) => raw) };
}

/**
 * The bytes of a safetensors file as consecutive parts: the header, then the memory of each tensor, not copied. For
 * programs that write the file themselves, e.g. with a checksum.
 *
 * @param metadata Free text entries for the header.
 */
export function safetensorsParts(
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
): readonly Uint8Array[] {
  const { header, parts } = layOut(tensors, metadata);
  return [header, ...parts];
}

/** The bytes of a safetensors file. */
export function serializeSafetensors(
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const parts = safetensorsParts(tensors, metadata);
  const bytes = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let position = 0;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.length;
  }
  return bytes;
}

/**
 * Writes a safetensors file atomically: under a temporary name in the same folder, synced to the disk, then renamed.
 *
 * @param metadata Free text entries for the header.
 * @throws (rejects) Error If the file cannot be written; a file that was at `path` before is then unchanged.
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileDurably(path, safetensorsParts(tensors, metadata));
}
