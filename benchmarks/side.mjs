// The orchestrator's half of a side: a child process that computes only while it is asked to.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { mark } from "./serve.mjs";

/** A side cannot run here; `message` says why and how to mend it. */
export class NotMeasured extends Error {}

/** Threads of a library that has just computed may spin for a while before they sleep. */
const settleMilliseconds = 150;

/** A running child. */
export class Side {
  #child;
  #lines;
  #errors = "";
  /** What the child said of itself. */
  information = {};

  /**
   * @param {object} start How it is run.
   * @param {string} start.program
   * @param {readonly string[]} start.arguments
   * @param {Record<string, string>} [start.environment]
   * @param {string} start.mend What to do when it cannot run.
   */
  constructor(start) {
    this.start = start;
    this.#child = spawn(start.program, start.arguments, {
      env: { ...process.env, ...start.environment },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child.on("error", () => {});
    this.#child.stdin.on("error", () => {});
    this.#child.stderr.on("data", (chunk) => {
      this.#errors = `${this.#errors}${chunk}`.slice(-2000);
    });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Starts a child and waits until it is set up. @throws {NotMeasured} */
  static async open(start) {
    const side = new Side(start);
    side.information = await side.#answer();
    return side;
  }

  async #answer() {
    for (let next = await this.#lines.next(); !next.done; next = await this.#lines.next()) {
      if (next.value.startsWith(mark)) return JSON.parse(next.value.slice(mark.length));
    }
    const last = this.#errors.trim().split("\n").slice(-1)[0] ?? "";
    throw new NotMeasured(`${this.start.mend}${last === "" ? "" : ` (it said: ${last})`}`);
  }

  #ask(line) {
    this.#child.stdin.write(`${line}\n`);
    return this.#answer();
  }

  /** Runs steps for at least `seconds`, at least one; resolves with the time of one step. */
  async round(seconds) {
    await sleep(settleMilliseconds);
    const { steps, seconds: taken } = await this.#ask(`round ${seconds}`);
    return taken / steps;
  }

  /** The most memory that the child has had, in bytes; null where the system does not say. */
  async peakBytes() {
    return (await this.#ask("memory")).peakBytes;
  }

  /** Ends the child and waits until its memory is free. */
  async close() {
    if (this.#child.exitCode !== null || this.#child.pid === undefined) return;
    const closed = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 5000);
    await closed;
    clearTimeout(timer);
  }
}
