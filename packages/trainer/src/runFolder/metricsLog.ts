import { stat } from "node:fs/promises";
import { writeFileDurably } from "@splitmask/files";
import { AppendedFile } from "./appendedFile.js";
import { readJsonLines } from "./jsonLines.js";

/** A line of `metrics.jsonl`: what was measured at one step. */
export interface MetricsRecord {
  /** Number of steps done, from 1. */
  readonly step: number;
  /** The loss and its parts, by name; `total` is the sum that was minimized. */
  readonly losses: Readonly<Record<string, number>>;
  /** Learning rate of this step. */
  readonly learningRate: number;
  /** Global norm of all gradients before clipping. */
  readonly gradientNorm: number;
  /** Moving median over the last steps; null while the first steps are warming up. */
  readonly imagesPerSecond: number | null;
  /**
   * Time before this step that the device had nothing to do because the step's batch was not ready, in seconds; not
   * there in runs of earlier versions.
   */
  readonly waitingSeconds?: number;
  /** The task's health figures by name; only every so many steps. */
  readonly health?: Readonly<Record<string, number>>;
  /** When the step's metrics were read, in seconds since 1970. */
  readonly time: number;
}

/** A line of `metrics.jsonl` after that of its step: what the evaluation after the step gave. */
export interface EvaluationRecord {
  /** Number of steps done. */
  readonly step: number;
  /** The figures by name; one that was not finite is null. */
  readonly evaluation: Readonly<Record<string, number>>;
  /** How long it took. */
  readonly seconds: number;
  /** When it ended, in seconds since 1970. */
  readonly time: number;
}

/** Any line. */
type MetricsLine = MetricsRecord | EvaluationRecord;

/**
 * `metrics.jsonl`: one JSON object a line, one line a step and one an evaluation. Lines are appended in order and never
 * wait for the disk;
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
  append(record: MetricsRecord | EvaluationRecord): void {
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

  /**
   * Drops the lines after `step`, and a last line that was cut off: what a resumed run will write anew.
   *
   * @param evaluated Whether an evaluation after `step` itself stays. Default true.
   */
  async truncateAfter(step: number, evaluated = true): Promise<void> {
    await this.flush();
    const exists = await stat(this.path).then(
      () => true,
      () => false,
    );
    if (!exists) return;
    const stays = (line: MetricsLine) =>
      line.step < step || (line.step === step && (evaluated || !isEvaluation(line)));
    const kept = (await readLines(this.path)).filter(stays);
    await writeFileDurably(this.path, kept.map((line) => `${JSON.stringify(line)}\n`).join(""));
  }
}

/** Reads the steps of a `metrics.jsonl`; a last line that was cut off by a crash is left out. */
export async function readMetrics(path: string): Promise<MetricsRecord[]> {
  return (await readLines(path)).filter((line): line is MetricsRecord => !isEvaluation(line));
}

/** Reads the evaluations of a `metrics.jsonl`, in order; [] where there are none. */
export async function readEvaluations(path: string): Promise<EvaluationRecord[]> {
  return (await readLines(path)).filter(isEvaluation);
}

function readLines(path: string): Promise<MetricsLine[]> {
  return readJsonLines<MetricsLine>(path, "metrics");
}

function isEvaluation(line: MetricsLine): line is EvaluationRecord {
  return "evaluation" in line;
}
