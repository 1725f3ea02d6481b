// No line is longer than 120 characters: `node scripts/columns.mjs`. In Markdown these may be: rows of tables, what a
// program prints (```text), and what has no space to be cut at, as a link.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

const most = 120;
const checked = /\.(ts|mjs|js|cpp|h|def|py|css|md|yml|gyp|sh)$/;

const listing = spawnSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  encoding: "utf8",
});
if (listing.status !== 0) throw new Error(`git ls-files: ${listing.stderr || listing.error}`);
const files = listing.stdout
  .split("\n")
  .filter((file) => checked.test(file) && !file.includes("/fixtures/") && existsSync(file));

for (const file of files) {
  let isOutput = false;
  for (const [index, line] of readFileSync(file, "utf8").split("\n").entries()) {
    if (file.endsWith(".md")) {
      if (/^\s*```/.test(line)) isOutput = line.trim() === "```text";
      if (isOutput || /^\s*\|/.test(line) || /^\s*([-*>] |\d+\. )?\S+$/.test(line)) continue;
    }
    const { length } = [...line];
    if (length > most) {
      console.log(`${file}:${index + 1}: ${length} columns, at most ${most}.`);
      process.exitCode = 1;
    }
  }
}
