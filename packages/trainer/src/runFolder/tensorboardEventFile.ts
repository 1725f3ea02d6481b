import type { MetricsLogger } from "../loop/metricsLogger.js";
import { AppendedFile } from "./appendedFile.js";
import { maskedCrc32c } from "./crc32c.js";

/**
 * A TensorBoard event file (`events.out.tfevents.…`): TFRecord frames, each a protobuf `Event`. Scalars only. It is a
 * `MetricsLogger`. Lines are appended in order and never wait for the disk; `flush` waits for all of them.
 */
export class TensorboardEventFile implements MetricsLogger {
  readonly #file: AppendedFile;

  /**
   * @param path of a new file; TensorBoard looks for `tfevents` in its name.
   * @param firstStep the first step that will be written: TensorBoard drops what an earlier file of the same folder
   * says about it and later ones, which is how a resumed run replaces what it repeats.
   */
  constructor(path: string, firstStep: number) {
    this.#file = new AppendedFile(path);
    this.#append(event(0, stringField(3, "brain.Event:2")));
    // SessionLog { status: START }
    this.#append(event(firstStep, bytesField(7, varintField(1, 1))));
  }

  /** Adds one value for each tag at `step`. `time`: seconds since 1970; now when not given. */
  log(step: number, scalars: Readonly<Record<string, number>>, time = Date.now() / 1000): void {
    const values = Object.entries(scalars).map(([tag, value]) =>
      bytesField(1, join([stringField(1, tag), floatField(2, value)])),
    );
    this.#append(event(step, bytesField(5, join(values)), time));
  }

  /** Path of the file. */
  get path(): string {
    return this.#file.path;
  }

  /** The error of the write that failed; null while none did. */
  get failure(): Error | null {
    return this.#file.failure;
  }

  /**
   * Resolves when everything is in the file.
   *
   * @throws the error of the first write that failed.
   */
  flush(): Promise<void> {
    return this.#file.flush();
  }

  #append(record: Uint8Array): void {
    this.#file.append(frame(record));
  }
}

/** TFRecord: length (u64), its masked CRC, the bytes, their masked CRC; little-endian. */
function frame(record: Uint8Array): Uint8Array {
  const framed = new Uint8Array(record.length + 16);
  const view = new DataView(framed.buffer);
  view.setBigUint64(0, BigInt(record.length), true);
  view.setUint32(8, maskedCrc32c(framed.subarray(0, 8)), true);
  framed.set(record, 12);
  view.setUint32(12 + record.length, maskedCrc32c(record), true);
  return framed;
}

function event(step: number, body: Uint8Array, time = Date.now() / 1000): Uint8Array {
  return join([doubleField(1, time), varintField(2, step), body]);
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return Uint8Array.from([...bytes, rest]);
}

function varintField(field: number, value: number): Uint8Array {
  return join([varint(field * 8), varint(value)]);
}

function doubleField(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return join([varint(field * 8 + 1), bytes]);
}

function floatField(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return join([varint(field * 8 + 5), bytes]);
}

function bytesField(field: number, bytes: Uint8Array): Uint8Array {
  return join([varint(field * 8 + 2), varint(bytes.length), bytes]);
}

function stringField(field: number, text: string): Uint8Array {
  return bytesField(field, new TextEncoder().encode(text));
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
