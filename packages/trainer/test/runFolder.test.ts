import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { RunFolder, TensorboardEventFile } from "@splitmask/trainer";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "splitmask-run-"));
});
afterEach(async () => {
  chmodSync(folder, 0o755);
  await rm(folder, { recursive: true, force: true });
});

const record = (step: number) => ({
  step,
  losses: { total: 1 / step, part: 0.5 },
  learningRate: 1e-3,
  gradientNorm: 2,
  imagesPerSecond: step > 2 ? 100 : null,
  time: 1.7e9 + step,
});

describe("RunFolder", () => {
  test("creates, closes, opens again with the same config", async () => {
    const path = join(folder, "a", "run");
    const run = await RunFolder.create(path, { model: { depth: 2 } });
    expect(existsSync(join(path, "lock.json"))).toBe(true);
    await run.close();
    expect(readdirSync(path)).toEqual(["config.json"]);
    const again = await RunFolder.open(path);
    expect(again.config).toEqual({ model: { depth: 2 } });
    await again.close();
  });

  test("two runs never share a folder; the error names the process", async () => {
    const run = await RunFolder.create(join(folder, "run"), {});
    await expect(RunFolder.open(join(folder, "run"))).rejects.toThrow(
      new RegExp(
        `run folder: process ${process.pid} on .* has been writing here since .*Wait for it, stop it`,
      ),
    );
    const reader = await RunFolder.open(join(folder, "run"), { write: false });
    expect(() => reader.appendMetrics(record(1))).toThrow("was opened with { write: false }");
    expect(() => reader.appendSkipped([])).toThrow("was opened with { write: false }");
    expect(await reader.readSkipped()).toEqual([]);
    await reader.close();
    expect(existsSync(join(folder, "run", "lock.json"))).toBe(true);
    await run.close();
    await (await RunFolder.open(join(folder, "run"))).close();
  });

  test("is not cleared while somebody writes to it", async () => {
    const path = join(folder, "run");
    const run = await RunFolder.create(path, {});
    mkdirSync(join(path, "checkpoints", "step-000001"), { recursive: true });
    await expect(RunFolder.clear(path)).rejects.toThrow(
      new RegExp(`run folder: process ${process.pid} on .* has been writing here since`),
    );
    expect(readdirSync(path).sort()).toEqual(["checkpoints", "config.json", "lock.json"]);
    await run.close();
    // Also one whose config nobody can read.
    writeFileSync(join(path, "config.json"), "{");
    await RunFolder.clear(path);
    expect(readdirSync(path)).toEqual([]);
    await (await RunFolder.create(path, {})).close();
  });

  test("takes over the lock of a process that is gone", async () => {
    const run = await RunFolder.create(join(folder, "run"), {});
    await run.close();
    const child = spawn(process.execPath, ["-e", ""]);
    await new Promise((resolve) => child.on("exit", resolve));
    const stale = { pid: child.pid, host: hostname(), processStart: "1", since: "yesterday", token: "t" };
    writeFileSync(join(folder, "run", "lock.json"), JSON.stringify(stale));
    const again = await RunFolder.open(join(folder, "run"));
    expect(JSON.parse(readFileSync(join(folder, "run", "lock.json"), "utf8")).pid).toBe(process.pid);
    await again.close();
    expect(readdirSync(join(folder, "run"))).toEqual(["config.json"]);
  });

  test("refuses a folder with a run, with other files, and a file", async () => {
    await (await RunFolder.create(join(folder, "run"), {})).close();
    await expect(RunFolder.create(join(folder, "run"), {})).rejects.toThrow(
      "already holds a run. Resume that run",
    );
    mkdirSync(join(folder, "other"));
    writeFileSync(join(folder, "other", "thesis.txt"), "");
    await expect(RunFolder.create(join(folder, "other"), {})).rejects.toThrow(
      "is not empty (it holds thesis.txt) and is not a run",
    );
    await expect(RunFolder.create(join(folder, "other", "thesis.txt"), {})).rejects.toThrow(
      /cannot write to .*thesis.txt: a part of the path is a file/,
    );
    await expect(RunFolder.open(join(folder, "other"))).rejects.toThrow("there is no config.json in it");
    await expect(RunFolder.open(join(folder, "none"))).rejects.toThrow("it does not exist");
  });

  test("an unwritable folder is an error before anything is made", async () => {
    // The superuser may write everywhere but below /proc.
    const isSuperuser = process.getuid?.() === 0;
    if (!isSuperuser) chmodSync(folder, 0o555);
    const path = isSuperuser ? "/proc/splitmask/run" : join(folder, "run");
    await expect(RunFolder.create(path, {})).rejects.toThrow(
      /run folder: cannot write to .*run: .*Choose another folder/,
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  test("metrics: one line a step; a resumed run drops the lines after its checkpoint and a cut-off line", async () => {
    const run = await RunFolder.create(join(folder, "run"), {});
    await run.startMetrics(0);
    for (let step = 1; step <= 50; step++) run.appendMetrics(record(step));
    expect((await run.readMetrics()).map((line) => line.step)).toEqual(
      Array.from({ length: 50 }, (_, i) => i + 1),
    );
    await run.close();
    const path = join(folder, "run", "metrics.jsonl");
    writeFileSync(path, `${readFileSync(path, "utf8")}{"step":51,"los`);
    const again = await RunFolder.open(join(folder, "run"));
    await again.startMetrics(20);
    again.appendMetrics(record(21));
    const lines = await again.readMetrics();
    await again.close();
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toEqual(record(21));
  });
});

describe("TensorboardEventFile", () => {
  /** Bit by bit, from the definition: reflected 0x82F63B78. */
  function slowMaskedCrc(bytes: Uint8Array): number {
    let crc = 0xffffffff;
    for (const byte of bytes) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    crc = ~crc >>> 0;
    return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
  }

  test("frames hold length, checksums and the scalars", async () => {
    const file = new TensorboardEventFile(join(folder, "events.out.tfevents.1"), 1);
    file.log(300, { "loss/total": 0.5 }, 2);
    await file.flush();
    const bytes = new Uint8Array(readFileSync(file.path));
    const view = new DataView(bytes.buffer);
    const records: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      const length = Number(view.getBigUint64(at, true));
      expect(view.getUint32(at + 8, true)).toBe(slowMaskedCrc(bytes.subarray(at, at + 8)));
      const record = bytes.subarray(at + 12, at + 12 + length);
      expect(view.getUint32(at + 12 + length, true)).toBe(slowMaskedCrc(record));
      records.push(record);
      at += length + 16;
    }
    expect(records).toHaveLength(3);
    expect(Buffer.from(records[0]!).toString("latin1")).toContain("brain.Event:2");
    const expected = [
      ...[0x09, 0, 0, 0, 0, 0, 0, 0, 0x40], // wall_time = 2.0
      ...[0x10, 0xac, 0x02], // step = 300
      ...[0x2a, 19, 0x0a, 17, 0x0a, 10, ...Buffer.from("loss/total"), 0x15, 0, 0, 0, 0x3f], // summary
    ];
    expect([...records[2]!]).toEqual(expected);
  });
});
