import {
  createDevice,
  type Device,
  type DeviceBuffer,
  type InstructionSet,
  type KernelArguments,
  type KernelName,
  type ProfiledCall,
} from "@splitmask/kernels";
import { conforms } from "./conformance.js";
import { fastVersion, reference as referenceVersion, type Version, versions } from "./versions.js";

export type NumberArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/** Numbers that are in memory as bfloat16 whatever the dtype of the call; the reference has the same bits. */
export class Bfloat16 {
  /** The upper halves of the numbers as float32, which have to be bfloat16 numbers. */
  readonly bits: Uint16Array;

  constructor(values: ArrayLike<number>) {
    this.bits = Uint16Array.from(new Uint32Array(Float32Array.from(values).buffer), (bits) => bits >>> 16);
  }

  /** The numbers of bits. */
  static numbers(bits: Uint16Array): Float32Array {
    return new Float32Array(Uint32Array.from(bits, (half) => half << 16).buffer);
  }
}

/** An array that keeps its own element type whatever the dtype of the call, e.g. float64 sums. */
export class Fixed {
  constructor(readonly values: NumberArray) {}
}

/**
 * A buffer's content before the call: float arrays are in the call's dtype (their values are rounded to float32 first,
 * so that every version sees the same input), Int32Array, Uint8Array, Bfloat16 and Fixed stay what they are; the name
 * of another buffer of the same list: that one's memory (in place); null: not given.
 */
export type Content = NumberArray | Fixed | Bfloat16 | string | null;

/** What one kernel call needs: the content of its buffers, its numbers, and which buffers it writes. */
export interface KernelCase {
  readonly buffers: Readonly<Record<string, Content>>;
  readonly numbers: Readonly<Record<string, number>>;
  readonly each?: readonly {
    readonly buffers: Readonly<Record<string, Content>>;
    readonly numbers: Readonly<Record<string, number>>;
  }[];
  /** Buffers that the kernel writes (also in `each`); all others must be unchanged afterwards. */
  readonly outputs: readonly string[];
  /**
   * |value − reference| ≤ absolute + relative·|reference|, the reference being the naive kernel in float64. Default
   * 1e-6 and 1e-5.
   */
  readonly absolute?: number;
  readonly relative?: number;
  /** The numbers of threads that are compared. Default 1, 2 and 3. */
  readonly threads?: readonly number[];
}

/** What compareKernel saw. */
export interface KernelComparison {
  /** The outputs of the naive kernel in float64, by name (in `each`: `name[item]`). */
  readonly reference: Readonly<Record<string, NumberArray>>;
  /** The largest |value − reference| / (absolute + relative·|reference|); at most 1. */
  readonly worst: number;
}

const devices = new Map<string, Device>();
/** Before and after every array: bytes that no kernel may touch. The array does not start on a 64-byte boundary. */
const guardBytes = 72;
const guardValue = 0xa5;

function deviceFor({ label, options }: Version, threads: number): Device {
  const key = `${label} ${threads}`;
  let device = devices.get(key);
  if (device === undefined) {
    device = createDevice({ ...options, threads });
    devices.set(key, device);
  }
  return device;
}

interface Placed {
  readonly buffer: DeviceBuffer;
  readonly bytes: Uint8Array;
  readonly content: NumberArray | Uint16Array;
}

/** The array in the call's dtype. */
function inDtype(content: Exclude<Content, string | null>, dtype: "float32" | "float64"): Placed["content"] {
  if (content instanceof Bfloat16) return content.bits;
  if (content instanceof Fixed) return content.values;
  if (content instanceof Float32Array || content instanceof Float64Array) {
    const rounded = Float32Array.from(content);
    return dtype === "float32" ? rounded : Float64Array.from(rounded);
  }
  return content;
}

function place(device: Device, content: Placed["content"]): Placed {
  const bytes = new Uint8Array(content.byteLength + 2 * guardBytes).fill(guardValue);
  bytes.set(new Uint8Array(content.buffer, content.byteOffset, content.byteLength), guardBytes);
  const buffer = device.allocate(bytes.byteLength);
  device.upload({ buffer, byteOffset: 0 }, bytes);
  return { buffer, bytes, content };
}

/** The buffers of a call on a device, and all of its arguments. */
function prepare(device: Device, dtype: "float32" | "float64", given: KernelCase) {
  const places = new Map<string, Placed>();
  const placeAll = (buffers: Readonly<Record<string, Content>>, suffix: string): Record<string, unknown> => {
    const args: Record<string, unknown> = {};
    for (const [key, content] of Object.entries(buffers)) {
      if (content === null || typeof content === "string") continue;
      const placed = place(device, inDtype(content, dtype));
      places.set(key + suffix, placed);
      args[key] = { buffer: placed.buffer, byteOffset: guardBytes };
    }
    for (const [key, content] of Object.entries(buffers)) {
      if (content === null) args[key] = null;
      if (typeof content === "string") {
        args[key] = args[content];
        places.set(key + suffix, places.get(content + suffix)!);
      }
    }
    return args;
  };
  const args: Record<string, unknown> = { ...placeAll(given.buffers, ""), ...given.numbers };
  if (given.each !== undefined) {
    args.each = given.each.map((item, index) => ({
      ...placeAll(item.buffers, `[${index}]`),
      ...item.numbers,
    }));
  }
  const release = () => {
    for (const placed of new Set(places.values())) placed.buffer.release();
  };
  return { places, args: args as KernelArguments<KernelName>, release };
}

async function runOnce(
  name: KernelName,
  device: Device,
  dtype: "float32" | "float64",
  given: KernelCase,
): Promise<Record<string, NumberArray>> {
  const { places, args, release } = prepare(device, dtype, given);
  device.run(name, dtype, args);
  const written = new Set<DeviceBuffer>();
  for (const [key, placed] of places) {
    if (given.outputs.includes(key.replace(/\[\d+\]$/, ""))) written.add(placed.buffer);
  }
  const outputs: Record<string, NumberArray> = {};
  for (const [key, placed] of places) {
    const after = new Uint8Array(
      await device.download({ buffer: placed.buffer, byteOffset: 0 }, placed.bytes.byteLength),
    );
    const end = after.byteLength - guardBytes;
    for (let i = 0; i < guardBytes; i += 1) {
      if (after[i] !== guardValue) throw new Error(`${name}: wrote ${guardBytes - i} bytes before ${key}`);
      if (after[end + i] !== guardValue)
        throw new Error(`${name}: wrote beyond the end of ${key}, ${i} bytes after it`);
    }
    if (!written.has(placed.buffer)) {
      if (Buffer.compare(after, placed.bytes) !== 0) throw new Error(`${name}: changed its input ${key}`);
    } else {
      const Type = placed.content.constructor as new (buffer: ArrayBuffer) => Placed["content"];
      const values = new Type(after.buffer.slice(guardBytes, end));
      outputs[key] = values instanceof Uint16Array ? Bfloat16.numbers(values) : values;
    }
  }
  release();
  return outputs;
}

/** @throws Error unless outputs of two calls are the same to the last bit; `how` and `howFirst` say which they are. */
function requireSameBits(
  name: string,
  outputs: Readonly<Record<string, NumberArray>>,
  how: string,
  first: Readonly<Record<string, NumberArray>>,
  howFirst: string,
): void {
  const bytes = (array: NumberArray) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  for (const [key, values] of Object.entries(outputs)) {
    const wanted = first[key]!;
    if (Buffer.compare(bytes(values), bytes(wanted)) === 0) continue;
    const i = values.findIndex((value, index) => !Object.is(value, wanted[index]));
    throw new Error(`${name}: ${key}[${i}] is ${values[i]} with ${how} and ${wanted[i]} with ${howFirst}`);
  }
}

/** What a call is counted as, and the memory of its buffers. */
async function countOnce(name: KernelName, device: Device, dtype: "float32" | "float64", given: KernelCase) {
  const before = device.memory().liveBytes;
  const { args, release } = prepare(device, dtype, given);
  const bytes = device.memory().liveBytes - before;
  device.startProfile();
  device.run(name, dtype, args);
  const { calls } = await device.stopProfile();
  release();
  return {
    bytes,
    calls: calls.map((call: ProfiledCall) => ({ ...call, start: 0, duration: 0, threadWait: 0 })),
  };
}

/** @throws Error if a device that computes nothing counts a call otherwise than one that computes it. */
async function compareCounts(name: KernelName, version: Version, given: KernelCase): Promise<void> {
  const [counted, expected] = [version, versions[0]!].map((each) =>
    countOnce(name, deviceFor(each, 1), version.dtype, given),
  );
  const [counts, wanted] = [JSON.stringify(await counted), JSON.stringify(await expected)];
  if (counts !== wanted) throw new Error(`${name} (${version.label}): counted ${counts}, expected ${wanted}`);
}

/**
 * Runs a kernel on every version that this machine can run, with several numbers of threads, and throws with the name,
 * version, element and values where a version is not within the tolerance of the naive kernel in float64 (integers:
 * not equal), where threads change a bit, where an input changes, or where memory beside a buffer is touched. A version
 * that computes nothing has to count the call as the naive kernel's.
 */
export async function compareKernel(name: KernelName, given: KernelCase): Promise<KernelComparison> {
  const { absolute = 1e-6, relative = 1e-5, threads: threadCounts = [1, 2, 3] } = given;
  const reference = await runOnce(name, deviceFor(referenceVersion, 1), referenceVersion.dtype, given);
  conforms({ table: "kernels", row: name, version: referenceVersion.label });
  let worst = 0;
  for (const version of versions) {
    const { label, dtype } = version;
    if (deviceFor(version, 1).lacks("values")) {
      await compareCounts(name, version, given);
      conforms({ table: "kernels", row: name, version: label });
      continue;
    }
    let single: Record<string, NumberArray> | undefined;
    for (const threads of threadCounts) {
      const outputs = await runOnce(name, deviceFor(version, threads), dtype, given);
      if (single === undefined) {
        single = outputs;
        for (const [key, values] of Object.entries(outputs)) {
          const expected = reference[key]!;
          for (let i = 0; i < values.length; i += 1) {
            const value = values[i]!;
            const wanted = expected[i]!;
            if (Object.is(value, wanted) || value === wanted) continue;
            const exact = values instanceof Int32Array || values instanceof Uint8Array;
            const error = exact
              ? Infinity
              : Math.abs(value - wanted) / (absolute + relative * Math.abs(wanted));
            if (!(error <= 1)) {
              throw new Error(
                `${name} (${label}): ${key}[${i}] is ${value}, the naive float64 kernel gives ${wanted} ` +
                  `(tolerance ${absolute} + ${relative}·|reference|)`,
              );
            }
            worst = Math.max(worst, error);
          }
        }
      } else {
        requireSameBits(`${name} (${label})`, outputs, `${threads} threads`, single, "1");
      }
    }
    conforms({ table: "kernels", row: name, version: label });
  }
  return { reference, worst };
}

/**
 * Runs a kernel on the fast versions of some instruction sets, and throws with the sets, element and values where one
 * gives other bits than the first.
 */
export async function compareSets(
  name: KernelName,
  sets: readonly InstructionSet[],
  given: KernelCase,
): Promise<void> {
  let first: Record<string, NumberArray> | undefined;
  for (const set of sets) {
    const version = fastVersion(set);
    const outputs = await runOnce(name, deviceFor(version, 2), version.dtype, given);
    first ??= outputs;
    requireSameBits(name, outputs, set, first, sets[0]!);
  }
}
