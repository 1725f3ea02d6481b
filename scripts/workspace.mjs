// npm start, npm test and the other root commands: brings the pinned pnpm, installs, builds, then runs what was asked
// for. Needs Node.js, npm and a C++ compiler for the addon; nothing has to be installed before.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const [command = "help", ...rest] = process.argv.slice(2);

/**
 * The environment without npm's own settings (pnpm reads some of them and means something else) and with telemetry off.
 */
function cleanEnvironment() {
  const environment = { ...process.env, TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1" };
  for (const name of Object.keys(environment)) {
    if (
      /^npm_config_/i.test(name) &&
      !/^npm_config_(registry|cache|proxy|https_proxy|noproxy|cafile|nodedir)$/i.test(name)
    ) {
      delete environment[name];
    }
  }
  return environment;
}

/**
 * Runs a program in the workspace; resolves with its output if `capture`, rejects with its exit code. `quiet` sends its
 * output to standard error; `variables` are added to its environment.
 */
function run(program, programArguments, { capture = false, quiet = false, variables = {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, programArguments, {
      cwd: root,
      env: { ...cleanEnvironment(), ...variables },
      stdio: ["ignore", capture ? "pipe" : quiet ? 2 : 1, 2],
      shell: process.platform === "win32",
    });
    let output = "";
    child.stdout?.on("data", (chunk) => {
      output += chunk;
      process.stdout.write(chunk);
    });
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0
        ? resolve(output)
        : reject(Object.assign(new Error(`${program} ${programArguments.join(" ")}`), { code, output })),
    );
  });
}

const pnpm = (pnpmArguments, options) =>
  run("npx", ["--yes", "--prefer-offline", manifest.packageManager, ...pnpmArguments], options);

const turbo = (turboArguments, options) => pnpm(["exec", "turbo", "run", ...turboArguments], options);

async function install(options) {
  await pnpm(["install", "--frozen-lockfile", "--reporter=append-only"], options);
}

/** Builds all packages, or one with all that it depends on. */
async function build({ only, ...options } = {}) {
  const filter = only === undefined ? [] : [`--filter=${only}...`];
  await turbo(["build", "--output-logs=errors-only", ...filter], options);
}

async function installAndBuild(options) {
  await install(options);
  await build(options);
}

/** Adds up the `Tests:` lines of every package's jest run. */
function countTests(output) {
  let [passed, failed] = [0, 0];
  for (const line of output.split("\n")) {
    if (!/\bTests:\s/.test(line)) continue;
    passed += Number(/(\d+) passed/.exec(line)?.[1] ?? 0);
    failed += Number(/(\d+) failed/.exec(line)?.[1] ?? 0);
  }
  return { passed, failed };
}

/** Each failed test as jest tells it, once: a long run ends with them, so that they need not be looked for. */
function failedTests(output) {
  const lines = output.split("\n");
  const blocks = new Map();
  lines.forEach((line, number) => {
    const title = /^(\S+:test:) +● (.+)$/.exec(line)?.slice(1).join(" ");
    if (title !== undefined && !blocks.has(title))
      blocks.set(title, lines.slice(number, number + 25).join("\n"));
  });
  return [...blocks.values()];
}

async function test() {
  await installAndBuild();
  let output = "";
  let code = 0;
  try {
    // One package at a time: some tests measure time and memory.
    output = await turbo(["test", "--concurrency=1", "--continue", "--output-logs=full", ...rest], {
      capture: true,
    });
  } catch (error) {
    if (error.output === undefined) throw error;
    ({ output, code } = error);
  }
  const { passed, failed } = countTests(output);
  for (const block of failedTests(output)) console.log(`\n${block}`);
  console.log(`\n${passed} passed, ${failed} failed`);
  if (code !== 0 || failed > 0) process.exitCode = code || 1;
  else if (passed === 0) throw new Error("no test ran: expected at least one package with a test script");
}

async function start() {
  const quiet = rest.includes("--json");
  // Nobody who tries the example needs kernels for other CPUs, nor those in WebAssembly.
  const variables = { SPLITMASK_ADDON: "this-cpu", SPLITMASK_WASM: "none" };
  await installAndBuild({ quiet, variables, only: "@splitmask/example-emoji" });
  await run(process.execPath, ["examples/emoji/dist/main.js", ...rest]);
}

async function bench() {
  const quiet = rest.includes("--json");
  await installAndBuild({ quiet });
  await run(process.execPath, ["benchmarks/bench.mjs", ...rest]);
}

async function check() {
  await installAndBuild();
  await run(process.execPath, ["scripts/check.mjs", ...rest]);
}

const commands = { start, test, bench, check, build: installAndBuild };

if (!Object.hasOwn(commands, command)) {
  console.error(
    `workspace.mjs: the command is ${command}, expected one of ${Object.keys(commands).join(", ")}.`,
  );
  process.exit(2);
}
try {
  await commands[command]();
} catch (error) {
  console.error(
    `npm ${command === "start" || command === "test" ? command : `run ${command}`}: ` +
      `${error.message}${error.code ? ` (exit code ${error.code})` : ""}`,
  );
  process.exitCode = typeof error.code === "number" ? error.code : 1;
}
