import { nextTurn, startWorker, type ThreadWorker } from "#platform";
import { createInstance, textAt, type WasmInstance } from "./wasmInstance.js";
import type { WasmMemory, WasmModule } from "./webAssembly.js";
import { workerSource } from "./workerSource.js";

const stackBytes = 1 << 20;

/** Address 0 is nobody's, so that nothing wakes who waits there. @throws TypeError where a thread may not wait. */
function waitBriefly(memory: WasmMemory): void {
  Atomics.wait(new Int32Array(memory.buffer, 0, 1), 0, 0, 0.01);
}

/** What a completion settles; `value` reads what it brings. */
interface Waiting {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
  readonly value: (profile: Float64Array) => unknown;
}

/**
 * The module's instance, its threads, and what is awaited. It holds no {@link WasmDevice}: workers keep it, so that a
 * device that nobody holds can be collected and end them.
 */
export class WasmQueue {
  readonly instance: WasmInstance;
  readonly #module: WasmModule;
  readonly #workers: ThreadWorker[] = [];
  readonly #waiting = new Map<number, Waiting>();
  #nextTicket = 0;
  #settling = false;
  #dropped = false;

  constructor(module: WasmModule) {
    this.#module = module;
    let mayWait = true;
    this.instance = createInstance(module, {
      startThread: (entry) => this.#startThread(entry),
      completed: () => this.#settleSoon(),
      yieldThread: () => {
        if (!mayWait) return;
        try {
          waitBriefly(this.instance.memory);
        } catch {
          mayWait = false; // a browser's main thread
        }
      },
    });
  }

  #startThread(entry: number): void {
    const { exports, memory } = this.instance;
    const stack = exports.allocateMemory(stackBytes);
    const threadVariables = exports.allocateMemory(Math.max(64, exports.__tls_size.value));
    if (stack === 0 || threadVariables === 0)
      throw new Error("createDevice: there is no memory left for a thread.");
    const data = { module: this.#module, memory, entry, stackTop: stack + stackBytes, threadVariables };
    this.#workers.push(startWorker(workerSource, data, () => this.#settle()));
  }

  /** A promise that the completion of the ticket settles; `enqueue` puts the command on the queue. */
  wait<Value>(value: (profile: Float64Array) => Value, enqueue: (ticket: number) => void): Promise<Value> {
    return new Promise<Value>((resolve, reject) => {
      const ticket = this.#nextTicket;
      this.#nextTicket = (ticket + 1) >>> 0;
      if (this.#waiting.size === 0) this.#workers[0]?.keepAlive(true);
      this.#waiting.set(ticket, { resolve, reject, value });
      enqueue(ticket);
    });
  }

  /** Without threads, what is awaited has come already, and is told in a later turn as by a queue. */
  #settleSoon(): void {
    if (this.#settling) return;
    this.#settling = true;
    nextTurn(() => {
      this.#settling = false;
      this.#settle();
    });
  }

  #settle(): void {
    const { exports, memory } = this.instance;
    for (let at = exports.takeCompletion(); at !== 0; at = exports.takeCompletion()) {
      const [ticket, error, errorBytes, profile, profileLength] = new Uint32Array(memory.buffer, at, 5);
      const waiting = this.#waiting.get(ticket!);
      if (waiting === undefined) continue;
      this.#waiting.delete(ticket!);
      const numbers = new Float64Array(memory.buffer, profile!, profileLength!).slice();
      const value = waiting.value(numbers);
      if (errorBytes === 0) waiting.resolve(value as never);
      else waiting.reject(new Error(textAt(this.instance, error!, errorBytes)));
    }
    if (this.#waiting.size > 0) return;
    this.#workers[0]?.keepAlive(false);
    if (this.#dropped) this.#endWorkers();
  }

  /** Ends the threads when nothing is awaited any more. */
  drop(): void {
    this.#dropped = true;
    if (this.#waiting.size === 0) this.#endWorkers();
  }

  /** Ends the threads; what is awaited rejects. */
  close(): void {
    this.#settle();
    this.#endWorkers();
    for (const { reject } of this.#waiting.values()) {
      reject(new Error("the device was closed before its queue came to this await"));
    }
    this.#waiting.clear();
  }

  #endWorkers(): void {
    for (const worker of this.#workers) worker.end();
    this.#workers.length = 0;
  }
}
