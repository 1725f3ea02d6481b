import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { acquireFileLock } from "@splitmask/files";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "splitmask-lock-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a lock that was cut off while it was written, or of an earlier process with this number, is stale", async () => {
  const path = join(folder, "lock.json");
  writeFileSync(path, "{");
  await (await acquireFileLock(path, "run folder")).release();
  if (process.platform === "linux") {
    writeFileSync(
      path,
      JSON.stringify({ pid: process.pid, host: hostname(), processStart: "1", token: "t" }),
    );
    await (await acquireFileLock(path, "run folder")).release();
  }
  expect(readdirSync(folder)).toEqual([]);
});

test("the lock of another machine stays and the error says how to go on", async () => {
  const path = join(folder, "lock.json");
  writeFileSync(
    path,
    JSON.stringify({ pid: 1, host: "elsewhere", processStart: null, since: "noon", token: "t" }),
  );
  await expect(acquireFileLock(path, "run folder")).rejects.toThrow(
    /process 1 on elsewhere .* since noon .* if it is not, delete /,
  );
  expect(readdirSync(folder)).toEqual(["lock.json"]);
});

test("of many takers of a stale lock one wins", async () => {
  const path = join(folder, "lock.json");
  for (let round = 0; round < 20; round++) {
    writeFileSync(path, "{");
    const results = await Promise.allSettled(
      Array.from({ length: 4 }, () => acquireFileLock(path, "run folder")),
    );
    const won = results.filter((result) => result.status === "fulfilled");
    expect(won).toHaveLength(1);
    await won[0]!.value.release();
  }
});
