import { nextTurn as inNextTurn, plainFileBytes } from "#platform";
import type { BackendDevice } from "../../backend.js";
import { blockSize } from "./blockSize.js";

/** How many arguments a call, or an item of its list, has. */
interface Counts {
  readonly buffers: number;
  readonly numbers: number;
}

/** A block that is counted, and where it is counted. */
interface Block {
  readonly bytes: number;
  readonly kind: "pool" | "file" | "array";
}

/** Counts what a native device would do. */
export class DryDevice implements BackendDevice {
  readonly #kernels: readonly { readonly own: Counts; readonly each: Counts }[];
  readonly #blocks = new Map<number, Block>();
  readonly #freeIds: number[] = [];
  #words: Float64Array = new Float64Array(0);
  #liveBytes = 0;
  #peakLiveBytes = 0;
  #liveBuffers = 0;
  #mappedBytes = 0;
  /** What a profile holds so far, without its duration; null: none is being taken. */
  #record: number[] | null = null;

  /** @param kernels - the arguments of each, in the order in which calls count them */
  constructor(kernels: readonly { readonly own: Counts; readonly each: Counts }[]) {
    this.#kernels = kernels;
  }

  allocate(bytes: number): number {
    const size = blockSize(bytes);
    this.#liveBytes += size;
    this.#liveBuffers += 1;
    this.#peakLiveBytes = Math.max(this.#peakLiveBytes, this.#liveBytes);
    return this.#number({ bytes: size, kind: "pool" });
  }

  mapFile(path: string, bytes: number): number {
    const size = plainFileBytes(path);
    if (size === null) throw new Error(`mapFile: ${path} cannot be mapped: it is no plain file.`);
    if (size !== bytes) {
      throw new Error(`mapFile: ${path} cannot be mapped: it has ${size} bytes; expected ${bytes}.`);
    }
    this.#mappedBytes += bytes;
    return this.#number({ bytes, kind: "file" });
  }

  borrow(_source: ArrayBuffer, _sourceOffset: number, bytes: number): number {
    return this.#number({ bytes, kind: "array" });
  }

  #number(block: Block): number {
    const id = this.#freeIds.pop() ?? this.#blocks.size;
    this.#blocks.set(id, block);
    return id;
  }

  release(id: number): void {
    const { bytes, kind } = this.#blocks.get(id)!;
    this.#blocks.delete(id);
    this.#freeIds.push(id);
    if (kind === "file") this.#mappedBytes -= bytes;
    if (kind !== "pool") return;
    this.#liveBytes -= bytes;
    this.#liveBuffers -= 1;
  }

  upload(_id: number, _byteOffset: number, _source: ArrayBuffer, _sourceOffset: number, bytes: number): void {
    this.#record?.push(1, 0, 0, bytes);
  }

  prefetch(): void {}

  checksum(): Promise<bigint> {
    return Promise.reject(new Error("checksum: a dry device reads nothing."));
  }

  accountExternal(): void {}

  memory(): [number, number, number, number, number] {
    return [this.#liveBytes, this.#peakLiveBytes, 0, this.#liveBuffers, this.#mappedBytes];
  }

  releaseCache(): void {}

  setWords(words: Float64Array): void {
    this.#words = words;
  }

  run(): void {
    const record = this.#record;
    if (record === null) return;
    const words = this.#words;
    const kernel = words[0]!;
    const items = words[2]!;
    const { own, each } = this.#kernels[kernel]!;
    record.push(0, 0, 0, 0, kernel, words[1]!, items);
    let at = 3;
    for (const part of [own, { buffers: items * each.buffers, numbers: items * each.numbers }]) {
      const numbersAt = at + 2 * part.buffers;
      for (let index = 0; index < part.numbers; index += 1) record.push(words[numbersAt + index]!);
      for (let index = 0; index < part.buffers; index += 1) record.push(words[at + 2 * index]! < 0 ? 0 : 1);
      at = numbersAt + part.numbers;
    }
    record.push(-1);
  }

  download(_id: number, _byteOffset: number, bytes: number): Promise<ArrayBuffer> {
    this.#record?.push(2, 0, 0, bytes);
    return nextTurn().then(() => new ArrayBuffer(bytes));
  }

  synchronize(): Promise<void> {
    return nextTurn();
  }

  startProfile(): void {
    this.#record = [];
  }

  stopProfile(): Promise<Float64Array> {
    const record = this.#record!;
    this.#record = null;
    return nextTurn().then(() => Float64Array.from([0, ...record]));
  }

  close(): void {
    this.#blocks.clear();
    this.#liveBytes = 0;
    this.#liveBuffers = 0;
    this.#mappedBytes = 0;
  }
}

/**
 * What is awaited comes in a later turn of the event loop, as a real queue's does, so that a loop of awaits lets others
 * run.
 */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => inNextTurn(resolve));
}
