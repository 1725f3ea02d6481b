import { stat } from "node:fs/promises";
import { writeFileDurably } from "@splitmask/autograd";
import { AppendedFile } from "./appendedFile.js";
import { readJsonLines } from "./jsonLines.js";

/** One line of `metrics.jsonl`: what was measured at one step. */
export interface MetricsRecord {
  /** Number of steps done, from 1. */
  readonly step: number;
  /** The loss and its parts, by name; `total` is the sum that was minimised. */
  readonly losses: Readonly<Record<string, number>>;
  /** Learning rate of this step. */
  readonly learningRate: number;
  /** Global norm of all gradients before clipping. */
  readonly gradientNorm: number;
  /** Moving median over the last steps; null while the first steps are warming up. */
  readonly imagesPerSecond: number | null;
  /** Time before this step that the device had nothing to do because the step's batch was not ready, in seconds; not there in runs of earlier versions. */
  readonly waitingSeconds?: number;
  /** The task's health figures by name; only every so many steps. */
  readonly health?: Readonly<Record<string, number>>;
  /** When the step's metrics were read, in seconds since 1970. */
  readonly time: number;
}

/**
 * `metrics.jsonl`: one JSON object a line, one line a step. Lines are appended in order and never wait for the disk;
 * `flush` waits for all of them.
 */
export class MetricsLog {
  readonly #file: AppendedFile;

  /** The log at `path`; the file is made with the first line. */
  constructor(path: string) {
    this.#file = new AppendedFile(path);
  }

  /** Path of the file. */
  get path(): string {
    return this.#file.path;
  }

  /** The error of the write that failed; null while none did. */
  get failure(): Error | null {
    return this.#file.failure;
  }

  /** Adds one line. A write that failed is reported by the next `flush`. */
  append(record: MetricsRecord): void {
    this.#file.append(Buffer.from(`${JSON.stringify(record)}\n`));
  }

  /**
   * Resolves when every line is in the file.
   *
   * @throws the error of the first write that failed.
   */
  flush(): Promise<void> {
    return this.#file.flush();
  }

  /** Drops the lines after `step`, and a last line that was cut off: what a resumed run will write anew. */
  async truncateAfter(step: number): Promise<void> {
    await this.flush();
    const exists = await stat(this.path).then(
      () => true,
      () => false,
    );
    if (!exists) return;
    const kept = (await readMetrics(this.path)).filter((record) => record.step <= step);
    await writeFileDurably(this.path, kept.map((record) => `${JSON.stringify(record)}\n`).join(""));
  }
}

/** Reads a `metrics.jsonl`; a last line that was cut off by a crash is left out. */
export function readMetrics(path: string): Promise<MetricsRecord[]> {
  return readJsonLines<MetricsRecord>(path, "metrics");
}
