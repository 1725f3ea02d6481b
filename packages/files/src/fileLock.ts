import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { link, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout } from "node:timers/promises";

/** Who holds a lock, as it stands in the lock file. */
interface LockHolder {
  readonly pid: number;
  readonly host: string;
  /** When the process started, in the kernel's ticks (Linux): tells a process from a later one with the same number. */
  readonly processStart: string | null;
  readonly since: string;
  readonly token: string;
}

/** A lock file that one process holds; made by {@link acquireFileLock}. */
export interface FileLock {
  /** Path of the lock file. */
  readonly path: string;
  /** Removes the lock file, if it is still this lock's. */
  release(): Promise<void>;
}

/** Another process holds the lock. */
export class FileLockedError extends Error {
  /** `"FileLockedError"`. */
  override readonly name = "FileLockedError";
  /** Whether that process is on another machine, so that it cannot be seen whether it still runs. */
  readonly elsewhere: boolean;

  /** @internal */
  constructor(message: string, elsewhere: boolean) {
    super(message);
    this.elsewhere = elsewhere;
  }
}

/**
 * Takes the lock file at `path` for this process. A lock whose process is gone (killed, or the machine restarted) is
 * taken over.
 *
 * @param what What the lock guards, as errors call it, e.g. `"run folder"`.
 * @throws FileLockedError naming the process that holds the lock, when that process is alive or is on another machine.
 */
export async function acquireFileLock(path: string, what: string): Promise<FileLock> {
  const own: LockHolder = {
    pid: process.pid,
    host: hostname(),
    processStart: processStart(process.pid),
    since: new Date().toISOString(),
    token: randomBytes(8).toString("hex"),
  };
  const temporary = `${path}.${own.token}.part`;
  await writeFile(temporary, `${JSON.stringify(own)}\n`, { flag: "wx" });
  try {
    for (;;) {
      try {
        // A link appears with its contents or not at all, so nobody reads a lock that is half-written.
        await link(temporary, path);
        return { path, release: () => release(path, own.token) };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
      const holder = await readHolder(path);
      if (holder !== "gone" && holder !== "unreadable" && !isStale(holder))
        throw new FileLockedError(describe(what, path, holder), holder.host !== hostname());
      if (holder !== "gone" && (await takeOver(path, temporary, own.token))) {
        return { path, release: () => release(path, own.token) };
      }
    }
  } finally {
    await rm(temporary, { force: true });
  }
}

function describe(what: string, path: string, holder: LockHolder): string {
  const elsewhere = holder.host !== hostname();
  const cure = elsewhere
    ? `Whether it is still running cannot be seen from here (this is ${hostname()}); if it is not, delete ${path}.`
    : "Wait for it, stop it, or choose another folder.";
  return (
    `${what}: process ${holder.pid} on ${holder.host} has been writing here since ` +
    `${holder.since} (${path}). ${cure}`
  );
}

async function readHolder(path: string): Promise<LockHolder | "gone" | "unreadable"> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "gone";
    throw error;
  }
  const holder = parseHolder(text);
  if (typeof holder?.pid !== "number" || typeof holder.host !== "string") return "unreadable";
  return {
    pid: holder.pid,
    host: holder.host,
    processStart: holder.processStart ?? null,
    since: holder.since ?? "an unknown time",
    token: holder.token ?? "",
  };
}

function parseHolder(text: string): Partial<LockHolder> | null {
  try {
    return JSON.parse(text) as Partial<LockHolder> | null;
  } catch {
    return null;
  }
}

function isStale(holder: LockHolder): boolean {
  if (holder.host !== hostname()) return false;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    // EPERM: it lives, and belongs to another user.
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
  const started = processStart(holder.pid);
  return started !== null && holder.processStart !== null && started !== holder.processStart;
}

/**
 * Puts the own lock in the place of a stale one. A second file sees to it that one process does so at a time; `false`:
 * somebody else was faster, look again.
 */
async function takeOver(path: string, temporary: string, token: string): Promise<boolean> {
  const guard = `${path}.takeover`;
  try {
    await writeFile(guard, token, { flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    // A guard lives for milliseconds; an old one belongs to a process that died holding it.
    const age = await stat(guard).then(
      (status) => Date.now() - status.mtimeMs,
      () => 0,
    );
    if (age > 10_000) await rm(guard, { force: true });
    await setTimeout(5);
    return false;
  }
  try {
    const holder = await readHolder(path);
    if (holder === "gone" || (holder !== "unreadable" && !isStale(holder))) return false;
    await rename(temporary, path);
    return true;
  } finally {
    await rm(guard, { force: true });
  }
}

async function release(path: string, token: string): Promise<void> {
  const holder = await readHolder(path);
  if (typeof holder !== "string" && holder.token === token) await rm(path, { force: true });
}

/** Field 22 of /proc/<pid>/stat; null where there is no such file. */
function processStart(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field, the program's name in brackets, may itself hold spaces and brackets.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}
