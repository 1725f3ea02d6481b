// The table of npm run bench: our step, memory and encoder beside other libraries and the machine's limit.
// node benchmarks/bench.mjs [data] [--json | --markdown] [--only TEXT] [--rounds N] [--threads N]
import { spawn } from "node:child_process";
import { cpus } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { attentionComparisons } from "./attentionComparisons.mjs";
import { measure } from "./comparison.mjs";
import { convolutionComparisons } from "./convolutionComparisons.mjs";
import { dataComparisons } from "./dataComparisons.mjs";
import { encoderComparisons } from "./encoderComparisons.mjs";
import { libraryComparisons } from "./libraryComparisons.mjs";
import { productComparisons } from "./productComparisons.mjs";
import { jsonLine, markdownLine, textLine, withRatio } from "./report.mjs";
import { stepComparisons } from "./stepComparisons.mjs";
import { tailComparisons } from "./tailComparisons.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
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
const group = positionals[0];
if (positionals.length > 1 || (group !== undefined && group !== "data")) {
  console.error(
    `bench: got ${positionals.join(" ")}; expected nothing (every row) or data (the rows about data).`,
  );
  process.exit(2);
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

/**
 * Kernels of `@splitmask/kernels` by themselves: its own programs print the rows.
 *
 * @param {string} file
 * @param {string} what
 */
async function kernelRows(file, what) {
  progress(what);
  const program = fileURLToPath(new URL(`../packages/kernels/bench/${file}`, import.meta.url));
  const child = spawn(process.execPath, [program, "--json", "--threads", options.threads], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = new Promise((resolve) => child.once("close", resolve));
  for await (const text of createInterface({ input: child.stdout })) print(JSON.parse(text));
  if ((await closed) !== 0) throw new Error(`packages/kernels/bench/${file} failed.`);
}

if (!options.json) {
  const lead = options.markdown ? "" : "# ";
  console.log(
    `${lead}${cpus()[0].model}, ${new Date().toISOString().slice(0, 10)}, ${threads} threads, ` +
      `Node.js ${process.versions.node}; medians of ${rounds} alternating rounds.\n`,
  );
  console.log(line());
}
const comparisons = [
  ...stepComparisons(threads),
  ...libraryComparisons(threads),
  ...encoderComparisons(threads),
  ...productComparisons(threads),
  ...convolutionComparisons(threads),
  ...attentionComparisons(threads),
  ...tailComparisons(threads),
  ...dataComparisons(threads),
];
for (const { group: own, work, against, run } of comparisons) {
  if (group !== undefined && own !== group) continue;
  if (!against.some((each) => wanted({ work, against: each }))) continue;
  const say = (text) => progress(`${work}: ${text}`);
  const rows = await run(
    (sides) => measure(sides, { rounds, progress: say }),
    (text) => console.error(text),
  );
  for (const row of rows) print(row);
}
if (group === undefined && wanted({ work: "gemm attention", against: "OpenBLAS" }))
  await kernelRows("gemm.mjs", "products and attention");
if (wanted({ work: "crop, resize, flip, normalize", against: "pictures" }))
  await kernelRows("pictures.mjs", "pictures");
