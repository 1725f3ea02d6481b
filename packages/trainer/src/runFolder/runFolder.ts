import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { acquireFileLock, type FileLock, writeFileDurably } from "@splitmask/files";
import type { SkippedPicture } from "../loop/batchSource.js";
import {
  type EvaluationRecord,
  MetricsLog,
  type MetricsRecord,
  readEvaluations,
  readMetrics,
} from "./metricsLog.js";
import { scalarsOf } from "./scalars.js";
import { readSkipped, SkippedLog } from "./skippedLog.js";
import { TensorboardEventFile } from "./tensorboardEventFile.js";
import { truncateEventFile } from "./truncateEventFile.js";
import { writeFailure } from "./writeFailure.js";

const CONFIG = "config.json";
const LOCK = "lock.json";
const EVENTS = "events.out.tfevents.";
const PART = ".part";

/** Options of {@link RunFolder.open}. */
export interface OpenRunFolderOptions {
  /** Open for writing, and so take the lock; `false` only reads, also while a run is going on. Default `true`. */
  readonly write?: boolean;
}

/**
 * The folder of one run: `config.json` (everything resolved), `metrics.jsonl`, a TensorBoard event file,
 * `skipped.jsonl` where pictures could not be read, `checkpoints/`, and `lock.json` while a process writes to it. Two
 * processes never write to one folder.
 */
export class RunFolder {
  /** Absolute path. */
  readonly path: string;
  #config: unknown;
  readonly #lock: FileLock | null;
  readonly #metrics: MetricsLog;
  readonly #skipped: SkippedLog;
  #events: TensorboardEventFile | null = null;

  private constructor(path: string, config: unknown, lock: FileLock | null) {
    this.path = path;
    this.#config = config;
    this.#lock = lock;
    this.#metrics = new MetricsLog(join(path, "metrics.jsonl"));
    this.#skipped = new SkippedLog(join(path, "skipped.jsonl"));
  }

  /** What `config.json` holds. */
  get config(): unknown {
    return this.#config;
  }

  /**
   * Writes `config.json` anew, e.g. where a run that goes on has its data in another place.
   *
   * @throws Error when it cannot be written; the former one is left then.
   */
  async rewriteConfig(config: unknown): Promise<void> {
    try {
      await writeFileDurably(join(this.path, CONFIG), `${JSON.stringify(config, null, 2)}\n`);
    } catch (error) {
      throw unwritable(this.path, error);
    }
    this.#config = config;
  }

  /**
   * Makes a run folder with this config and takes its lock. The folder may exist if it is empty.
   *
   * @throws Error when it holds a run or something else already, when it cannot be written to, or when another
   * process has it. Nothing is left behind then.
   */
  static async create(path: string, config: unknown): Promise<RunFolder> {
    const absolute = resolve(path);
    const entries = await readdir(absolute).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return null;
      throw unwritable(path, error);
    });
    if (entries?.includes(CONFIG)) {
      throw new Error(alreadyHoldsARun(path));
    }
    // What a process left that was killed before its config was written.
    const ours = (name: string) => name.startsWith(LOCK) || (name.startsWith(CONFIG) && name.endsWith(PART));
    const foreign = entries?.filter((name) => !ours(name));
    if (foreign && foreign.length > 0) {
      throw new Error(
        `run folder: ${path} is not empty (it holds ${foreign.slice(0, 3).join(", ")}` +
          `${foreign.length > 3 ? ", …" : ""}) and is not a run. Choose a new folder.`,
      );
    }
    let firstMade: string | null = null;
    let lock: FileLock | undefined;
    try {
      firstMade = await makeFolders(absolute);
      lock = await acquireFileLock(join(absolute, LOCK), "run folder");
      // Another process may have made, finished and left a run here since the look above.
      if (existsSync(join(absolute, CONFIG))) throw new Error(alreadyHoldsARun(path));
      await writeFileDurably(join(absolute, CONFIG), `${JSON.stringify(config, null, 2)}\n`);
      return new RunFolder(absolute, config, lock);
    } catch (error) {
      await lock?.release();
      if (firstMade !== null) await rm(firstMade, { recursive: true, force: true });
      throw unwritable(path, error);
    }
  }

  /**
   * Opens an existing run folder and takes its lock (unless `write` is false).
   *
   * @throws Error when there is no run, when `config.json` is not JSON, when the folder cannot be written to, or when
   * another process is writing to it.
   */
  static async open(path: string, options: OpenRunFolderOptions = {}): Promise<RunFolder> {
    const absolute = resolve(path);
    const configPath = join(absolute, CONFIG);
    const text = await readFile(configPath, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
      const what = existsSync(absolute) ? `there is no ${CONFIG} in it` : "it does not exist";
      throw new Error(
        `run folder: ${path} is not a run: ${what}. Give the folder that \`pretrain --out\` wrote.`,
      );
    });
    let config: unknown;
    try {
      config = JSON.parse(text);
    } catch (error) {
      throw new Error(`run folder: ${configPath} is not JSON: ${(error as Error).message}`);
    }
    if (options.write === false) return new RunFolder(absolute, config, null);
    try {
      const folder = new RunFolder(
        absolute,
        config,
        await acquireFileLock(join(absolute, LOCK), "run folder"),
      );
      try {
        await removeLeftovers(absolute);
        await folder.#skipped.load();
        return folder;
      } catch (error) {
        await folder.#lock?.release();
        throw error;
      }
    } catch (error) {
      throw unwritable(path, error);
    }
  }

  /**
   * Deletes what is in a run folder, unless another process is writing there. The empty folder stays.
   *
   * @throws Error when another process has it, or it cannot be written to. Nothing is deleted then.
   */
  static async clear(path: string): Promise<void> {
    const absolute = resolve(path);
    try {
      const lock = await acquireFileLock(join(absolute, LOCK), "run folder");
      try {
        for (const name of await readdir(absolute))
          if (name !== LOCK) await rm(join(absolute, name), { recursive: true, force: true });
      } finally {
        await lock.release();
      }
    } catch (error) {
      throw unwritable(path, error);
    }
  }

  /** The folder `checkpoints/`; may not exist yet. */
  get checkpointsPath(): string {
    return join(this.path, "checkpoints");
  }

  /** The lines of `metrics.jsonl` that are steps, [] before the first. */
  async readMetrics(): Promise<MetricsRecord[]> {
    await this.#metrics.flush();
    return existsSync(this.#metrics.path) ? readMetrics(this.#metrics.path) : [];
  }

  /** The lines of `metrics.jsonl` that are evaluations, [] before the first. */
  async readEvaluations(): Promise<EvaluationRecord[]> {
    await this.#metrics.flush();
    return existsSync(this.#metrics.path) ? readEvaluations(this.#metrics.path) : [];
  }

  /**
   * Drops the metrics after `step`, also from earlier event files, and starts a new event file: called before the first
   * step of a new or a
   * resumed run, and when a run goes back to a checkpoint.
   *
   * @param evaluated Whether an evaluation after `step` itself stays. Default true.
   */
  async startMetrics(step: number, evaluated = true): Promise<void> {
    this.#requireLock();
    await this.#metrics.truncateAfter(step, evaluated);
    await this.#events?.flush();
    const names = await readdir(this.path);
    for (const name of names)
      if (name.startsWith(EVENTS)) await truncateEventFile(join(this.path, name), step);
    const stamp = `${Math.floor(Date.now() / 1000)}.${hostname()}.${process.pid}.${step}`;
    let path = join(this.path, `${EVENTS}${stamp}`);
    for (let again = 1; existsSync(path); again++) path = join(this.path, `${EVENTS}${stamp}.${again}`);
    this.#events = new TensorboardEventFile(path, step + 1);
    await this.#events.flush();
  }

  /** Throws the error of a line that could not be written, as soon as that is known. */
  check(): void {
    const failure = this.#metrics.failure ?? this.#skipped.failure ?? this.#events?.failure ?? null;
    if (failure !== null) throw failure;
  }

  /** Adds a step or an evaluation to `metrics.jsonl` and to the event file, without waiting for the disk. */
  appendMetrics(record: MetricsRecord | EvaluationRecord): void {
    this.#requireLock();
    this.#metrics.append(record);
    this.#events?.log(record.step, scalarsOf(record), record.time);
  }

  /**
   * The lines of `skipped.jsonl`: the pictures that could not be read in this run, also before a resume; [] before the
   * first.
   */
  async readSkipped(): Promise<SkippedPicture[]> {
    await this.#skipped.flush();
    return existsSync(this.#skipped.path) ? readSkipped(this.#skipped.path) : [];
  }

  /** Adds those of the pictures that are new to `skipped.jsonl`, without waiting for the disk. */
  appendSkipped(pictures: readonly SkippedPicture[]): void {
    this.#requireLock();
    this.#skipped.append(pictures);
  }

  /** Resolves when all metrics and skipped pictures are in their files. */
  async flush(): Promise<void> {
    await this.#metrics.flush();
    await this.#skipped.flush();
    await this.#events?.flush();
  }

  /** Writes what is pending and gives the lock back. */
  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      await this.#lock?.release();
    }
  }

  #requireLock(): void {
    if (this.#lock === null) {
      throw new Error(
        `run folder: ${this.path} was opened with { write: false }, so nothing can be written to it.`,
      );
    }
  }
}

/**
 * Makes a folder and its missing parents; returns the first that was made. (`mkdir` with `recursive` never returns
 * below a folder such as /proc, which exists and yet answers ENOENT.)
 */
async function makeFolders(path: string): Promise<string | null> {
  if (existsSync(path)) return null;
  const parentMade = await makeFolders(dirname(path));
  try {
    await mkdir(path);
    return parentMade ?? path;
  } catch (error) {
    if (parentMade !== null) await rm(parentMade, { recursive: true, force: true });
    throw error;
  }
}

function alreadyHoldsARun(path: string): string {
  return `run folder: ${path} already holds a run. Resume that run, or choose another folder (or delete this one).`;
}

/** Says what an error of the file system means for a run folder; other errors pass unchanged. */
function unwritable(path: string, error: unknown): unknown {
  if ((error as NodeJS.ErrnoException).code === undefined) return error;
  return new Error(
    `run folder: cannot write to ${path}: ${writeFailure(error)}. Choose another folder or mend its permissions.`,
    { cause: error },
  );
}

/** Removes what processes left half-written that were killed. The caller has the folder's lock. */
async function removeLeftovers(path: string): Promise<void> {
  for (const name of await readdir(path)) {
    if (!name.endsWith(PART)) continue;
    const file = join(path, name);
    // Another process may be asking for the lock just now.
    const made = await stat(file).catch(() => null);
    if (name.startsWith(LOCK) && made !== null && Date.now() - made.mtimeMs < 60_000) continue;
    await rm(file, { force: true });
  }
}
