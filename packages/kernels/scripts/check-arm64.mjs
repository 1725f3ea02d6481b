// Compiles the kernels and the runtime (all but the Node-API face, which needs Node's headers) for arm64 with a cross compiler, without linking, so that the
// sources keep compiling where no such machine is at hand. Its argument, if any, names another compiler than aarch64-linux-gnu-g++.
import { spawn, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const compiler = process.argv[2] ?? "aarch64-linux-gnu-g++";
const native = fileURLToPath(new URL("../native/", import.meta.url));
const sets = { fast: "neon", naive: "naive", runtime: undefined };

if (spawnSync(compiler, ["--version"], { stdio: "ignore" }).status !== 0) {
  console.log(
    `check-arm64: ${compiler} is not installed (Debian: apt install g++-aarch64-linux-gnu); nothing was checked`,
  );
  process.exit(0);
}

const flags = ["-std=c++17", "-O2", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror", "-Wno-psabi"];
const fastFlags = ["-ffp-contract=fast", "-fno-exceptions", "-fno-math-errno"];

/** Resolves to whether the file compiled. */
function compile({ folder, file }) {
  const set = sets[folder] === undefined ? [] : [`-DSPLITMASK_SET=${sets[folder]}`];
  const own = folder === "fast" ? [...set, ...fastFlags] : set;
  return new Promise((resolve) => {
    const child = spawn(compiler, [...flags, ...own, "-c", join(native, folder, file), "-o", "/dev/null"], {
      stdio: "inherit",
    });
    child.once("error", () => resolve(false));
    child.once("exit", (status) => resolve(status === 0));
  });
}

const files = Object.keys(sets).flatMap((folder) =>
  readdirSync(join(native, folder))
    .filter((file) => file.endsWith(".cpp") && file !== "addon.cpp")
    .map((file) => ({ folder, file })),
);
const waiting = [...files];
const failed = [];
await Promise.all(
  Array.from({ length: availableParallelism() }, async () => {
    for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
      if (!(await compile(file))) failed.push(`${file.folder}/${file.file}`);
    }
  }),
);
if (failed.length > 0) {
  console.error(`check-arm64: ${failed.sort().join(", ")} did not compile for arm64`);
  process.exit(1);
}
console.log(`check-arm64: ${files.length} files compile for arm64`);
