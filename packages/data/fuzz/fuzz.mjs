// Reads thousands of broken files of each format and tells what came of it:
//
//   node packages/data/fuzz/fuzz.mjs --format jpeg,png --count 20000 --seed 1
//   node packages/data/fuzz/fuzz.mjs --count 300 --json          (every format)
//
// A reader passes if no file ends the process (a signal), holds it up (--seconds a file) or makes it grow, and each is
// read or is an error that names it. A file that does not pass is kept in the folder --keep. The exit code is 1 then.
// Each file is a function of (seed, format, number): --from 1234 --count 1 makes one anew.
import { fork } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { formats } from "./formats.mjs";
import { mutated } from "./mutate.mjs";

const { values: given } = parseArgs({
  options: {
    format: { type: "string", default: Object.keys(formats).join(",") },
    count: { type: "string", default: "20000" },
    from: { type: "string", default: "0" },
    seed: { type: "string", default: "1" },
    seconds: { type: "string", default: "30" },
    keep: { type: "string", default: join(tmpdir(), "splitmask-fuzz") },
    json: { type: "boolean", default: false },
  },
});
const [seed, from, count, seconds] = ["seed", "from", "count", "seconds"].map((name) => Number(given[name]));

/**
 * One arena that gives memory back at once: with glibc's own settings every thread's arena keeps what it once had, and
 * the resident size climbs some 30 MB before it stays, as a leak's would. Other C libraries do not look at these.
 */
const tightMemory = {
  MALLOC_ARENA_MAX: "1",
  MALLOC_TRIM_THRESHOLD_: "65536",
  MALLOC_MMAP_THRESHOLD_: "65536",
};

/** Runs a worker from file `first` on until it ends; resolves with the file that ended it, if one did. */
function runWorker(format, first, folder, hear) {
  return new Promise((resolve) => {
    const worker = fork(
      fileURLToPath(new URL("worker.mjs", import.meta.url)),
      [JSON.stringify([format, seed, first, from + count, folder])],
      {
        execArgv: ["--expose-gc", "--no-warnings", "--max-semi-space-size=1"],
        env: { ...process.env, ...tightMemory },
        stdio: ["ignore", "ignore", "pipe", "ipc"],
      },
    );
    let at = first;
    let said = "";
    let timedOut = false;
    let watchdog;
    const wait = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => {
        timedOut = true;
        worker.kill("SIGKILL");
      }, seconds * 1000);
    };
    wait();
    // libvips' warnings (GLib-CRITICAL) are not outcomes, but what ends the process is worth its last words.
    worker.stderr.on("data", (text) => {
      said = (said + text).slice(-2000);
    });
    worker.on("message", (message) => {
      at = message.index + 1;
      hear(message);
      wait();
    });
    worker.on("close", (code, signal) => {
      clearTimeout(watchdog);
      if (code === 0) resolve(null);
      else
        resolve({
          index: at,
          how: timedOut ? `no answer in ${seconds} s` : (signal ?? `exit code ${code}`),
          said,
        });
    });
  });
}

async function fuzz(format) {
  const folder = mkdtempSync(join(tmpdir(), `splitmask-fuzz-${format}-`));
  const outcomes = {};
  const reasons = {};
  const failures = [];
  const resident = [];
  let slowest = { milliseconds: 0, index: -1 };
  const started = performance.now();
  const fail = (index, how) => {
    mkdirSync(given.keep, { recursive: true });
    failures.push({ index, how });
  };
  const hear = ({ index, kind, reason, milliseconds, residentBytes }) => {
    outcomes[kind] = (outcomes[kind] ?? 0) + 1;
    const short = reason?.replaceAll(/\d[\d,.]*/g, "N");
    if (reason !== undefined) reasons[short] = (reasons[short] ?? 0) + 1;
    if (kind === "unclear") fail(index, reason);
    if (residentBytes !== undefined) resident.push([index + 1 - from, residentBytes]);
    if (milliseconds > slowest.milliseconds) slowest = { milliseconds: Math.round(milliseconds), index };
    if (!given.json && (index + 1) % 1000 === 0)
      process.stderr.write(`\r${format}: ${index + 1 - from} of ${count}`);
  };
  for (let first = from; first < from + count; ) {
    const end = await runWorker(format, first, folder, hear);
    if (end === null) break;
    fail(end.index, `${end.how} ${end.said}`);
    if (failures.length > 100) break;
    first = end.index + 1;
  }
  rmSync(folder, { recursive: true, force: true });
  const valid = failures.length > 0 ? await formats[format].files() : [];
  for (const failure of failures) {
    const bytes = mutated(valid, { seed, format, index: failure.index });
    failure.file = join(given.keep, `${format}-${seed}-${failure.index}.${formats[format].extension}`);
    writeFileSync(failure.file, formats[format].mend?.(bytes, failure.index) ?? bytes);
  }
  return {
    format,
    files: count,
    seconds: Number(((performance.now() - started) / 1000).toFixed(1)),
    outcomes,
    failures,
    slowest,
    resident: growth(resident),
    reasons: Object.fromEntries(
      Object.entries(reasons)
        .sort((a, b) => b[1] - a[1])
        .slice(0, 12),
    ),
  };
}

/**
 * Resident memory after the first fifth (when pools and caches are warm) and in the end, the lowest of the samples near
 * it: collections leave peaks, not floors.
 */
function growth(samples) {
  if (samples.length < 5) return null;
  const fifth = Math.ceil(samples.length / 5);
  const floor = (part) => Math.min(...part.map(([, bytes]) => bytes)) / 2 ** 20;
  const early = floor(samples.slice(fifth, 2 * fifth));
  const late = floor(samples.slice(-fifth));
  const thousands = (samples.at(-1)[0] - samples[fifth][0]) / 1000;
  return {
    earlyMiB: Number(early.toFixed(1)),
    lateMiB: Number(late.toFixed(1)),
    growthKiBPerThousand: Math.round((1024 * (late - early)) / thousands),
  };
}

let clean = true;
for (const format of given.format.split(",")) {
  if (!(format in formats)) {
    throw new Error(
      `--format: there is no "${format}"; expected some of ${Object.keys(formats).join(", ")}.`,
    );
  }
  const report = await fuzz(format);
  clean &&= report.failures.length === 0;
  if (given.json) console.log(JSON.stringify(report));
  else {
    process.stderr.write("\r");
    const { reasons, failures, ...figures } = report;
    console.log(JSON.stringify(figures));
    for (const [reason, times] of Object.entries(reasons)) console.log(`  ${times} × ${reason}`);
    for (const failure of failures) console.log(`  FAILED ${failure.file}: ${failure.how}`);
  }
}
process.exitCode = clean ? 0 : 1;
