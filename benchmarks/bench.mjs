// The table of npm run bench: our step, memory and encoder beside other libraries and the machine's limit.
// node benchmarks/bench.mjs [--json | --markdown] [--only TEXT] [--rounds N] [--threads N]
import { spawn } from "node:child_process";
import { cpus } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { measure } from "./comparison.mjs";
import { jsonLine, markdownLine, textLine, withRatio } from "./report.mjs";
import { stepComparisons } from "./stepComparisons.mjs";

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    markdown: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    rounds: { type: "string", default: "5" },
    threads: { type: "string", default: "2" },
  },
});
const rounds = Number(options.rounds);
const threads = Number(options.threads);
for (const [name, value] of Object.entries({ rounds, threads })) {
  if (!Number.isInteger(value) || value < 1) {
    console.error(`bench: --${name} is ${options[name]}; expected a whole number ≥ 1.`);
    process.exit(2);
  }
}
const line = options.json ? jsonLine : options.markdown ? markdownLine : textLine;
const wanted = (row) => `${row.work} ${row.against}`.toLowerCase().includes(options.only.toLowerCase());
const progress = (text) => {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
};
const print = (row) => {
  progress("");
  if (wanted(row)) console.log(line(withRatio(row)));
};

/** The products and attention of `@splitmask/kernels` by themselves: its own program prints the rows. */
async function kernelRows() {
  progress("products and attention");
  const program = fileURLToPath(new URL("../packages/kernels/bench/gemm.mjs", import.meta.url));
  const child = spawn(process.execPath, [program, "--json", "--threads", options.threads], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = new Promise((resolve) => child.once("close", resolve));
  for await (const text of createInterface({ input: child.stdout })) print(JSON.parse(text));
  if ((await closed) !== 0) throw new Error("packages/kernels/bench/gemm.mjs failed.");
}

if (!options.json) {
  const lead = options.markdown ? "" : "# ";
  console.log(
    `${lead}${cpus()[0].model}, ${new Date().toISOString().slice(0, 10)}, ${threads} threads, Node.js ${process.versions.node}; medians of ${rounds} alternating rounds.\n`,
  );
  console.log(line());
}
for (const comparison of stepComparisons(threads)) {
  if (!comparison.against.some((against) => wanted({ work: comparison.work, against }))) continue;
  const results = await measure(comparison.sides, {
    rounds,
    progress: (text) => progress(`${comparison.work}: ${text}`),
  });
  for (const row of comparison.rows(results)) print(row);
}
if (wanted({ work: "gemm attention", against: "OpenBLAS" })) await kernelRows();
