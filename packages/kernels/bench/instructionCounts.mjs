// Counts the instructions of kernels: bench/replay.cpp runs their calls again under valgrind's callgrind, on one thread
// and with AVX2, which valgrind knows. The counts do not depend on the machine's load.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { availableInstructionSets } from "../dist/index.js";
import { kernelGroups, kernelTable } from "../dist/kernelTable.js";
import { flagsOf } from "../scripts/addonParts.mjs";
import { compileProgram, compiler } from "./compileProgram.mjs";

/** Why instructions cannot be counted on this machine, or null. */
export function obstacle() {
  if (!availableInstructionSets().includes("avx2")) return "this machine has no AVX2";
  if (spawnSync("valgrind", ["--version"]).status !== 0)
    return "valgrind is not installed (Debian: apt install valgrind)";
  return null;
}

/** What the counts depend on besides the code: compiler and C library, which does the copying. */
export function compilerVersion() {
  const flags = ["-dM", "-E", "-x", "c++", "-"];
  const macros = execFileSync(compiler, flags, { input: "#include <features.h>\n", encoding: "utf8" });
  const macro = (name) => new RegExp(`^#define ${name} "?(.*?)"?$`, "m").exec(macros)?.[1];
  const library = `glibc ${macro("__GLIBC__")}.${macro("__GLIBC_MINOR__")}`;
  return `${macro("__clang__") === undefined ? "GCC " : ""}${macro("__VERSION__")}, ${library}`;
}

const typeLetters = { int32: "i", uint8: "b", float64: "d" };
const numberWords = (part, { numbers }) => [...part.integers, ...part.values].map((name) => numbers[name]);
const bufferWords = (part, { numbers, buffers }, context) =>
  Object.entries(part.buffers).map(([name, { type, extent }]) =>
    buffers.includes(name) ? `${typeLetters[type] ?? "f"}${extent(numbers, context)}` : "-",
  );

/** A call as replay.cpp reads it. */
function wordsOf(call) {
  const entry = kernelTable[call.kernel];
  if (call.dtype !== "float32")
    throw new Error(`${call.kernel}: got a call of ${call.dtype}; expected float32.`);
  return [
    ...[call.kernel, call.each.length],
    ...numberWords(entry, call),
    ...bufferWords(entry, call, call.each.length),
    ...call.each.flatMap((item) => numberWords(entry.each, item)),
    ...call.each.flatMap((item) => bufferWords(entry.each, item, call.numbers)),
  ].join(" ");
}

/** Compiles replay.cpp with some kernels, and with no more sources than these need. */
async function compileReplay(program, folder, kernels) {
  const rows = readFileSync(new URL("../native/generated/kernels.def", import.meta.url), "utf8").split("\n");
  const used = rows.filter((row) => kernels.has(/^\w*KERNEL\((\w+),/.exec(row)?.[1]));
  writeFileSync(join(folder, "used.def"), used.join("\n"));
  const isNaive = (name) => used.some((row) => row.startsWith(`KERNEL(${name},`));
  const sources = (kind, isOfKind) =>
    Object.entries(kernelGroups)
      .filter(([, group]) => Object.keys(group).some((name) => kernels.has(name) && isOfKind(name)))
      .map(([group]) => `native/${kind}/${group}.cpp`);
  const parts = [
    { name: "fast", sources: sources("fast", (name) => !isNaive(name)), flags: flagsOf("avx2") },
    { name: "naive", sources: sources("naive", isNaive), flags: flagsOf("naive") },
    { name: "replay", sources: ["bench/replay.cpp"], flags: [...flagsOf("naive"), `-I${folder}`] },
  ];
  // Functions of other libraries are looked up before the first call, not within it.
  await compileProgram(program, parts, ["-Wl,-z,now"]);
}

/** Runs calls under callgrind, which writes what it counts in each to the file, one part a call. */
async function countsOf(program, calls, file) {
  const measured = ["toggle-collect", "dump-after"].map((option) => `--${option}=measured`);
  const options = [
    "-q",
    "--tool=callgrind",
    ...measured,
    "--combine-dumps=yes",
    `--callgrind-out-file=${file}`,
  ];
  const valgrind = spawn("valgrind", [...options, program], {
    // The size of the environment moves the stack, on which copying depends.
    env: { PATH: process.env.PATH },
    stdio: ["pipe", "inherit", "inherit"],
  });
  valgrind.stdin.end(calls.join("\n"));
  const [status] = await once(valgrind, "close");
  if (status !== 0) throw new Error(`valgrind ended with ${status} (see above).`);
  const counts = [...readFileSync(file, "utf8").matchAll(/^totals: (\d+)$/gm)].map(([, count]) =>
    Number(count),
  );
  // The last part is what follows the last call.
  if (counts.length !== calls.length + 1)
    throw new Error(
      `callgrind wrote ${counts.length} parts; expected ${calls.length + 1}, one a call and a last.`,
    );
  return counts.slice(0, -1);
}

/** On any machine, so that each call follows the same ones, on which the places of its arrays depend. */
const processes = 2;

/**
 * Counts the instructions of calls. Equal ones are run once.
 *
 * @param calls The kernels of profiles; what their arrays hold does not matter.
 * @returns The instructions of each.
 */
export async function countInstructions(calls) {
  const folder = mkdtempSync(join(tmpdir(), "splitmask-instructions-"));
  try {
    const program = join(folder, "replay");
    await compileReplay(program, folder, new Set(calls.map(({ kernel }) => kernel)));
    const words = calls.map(wordsOf);
    const distinct = [...new Set(words)];
    const counts = new Map();
    const workers = Array.from({ length: processes }, async (_, worker) => {
      const own = distinct.filter((_, index) => index % processes === worker);
      const found = await countsOf(program, own, join(folder, `${worker}.callgrind`));
      for (const [index, call] of own.entries()) counts.set(call, found[index]);
    });
    await Promise.all(workers);
    return words.map((call) => counts.get(call));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
