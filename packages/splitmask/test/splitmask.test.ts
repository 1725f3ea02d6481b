import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import * as cli from "@splitmask/cli";
import * as methods from "@splitmask/methods";
import * as report from "@splitmask/report";
import * as everything from "splitmask";

test("exports what the packages export", () => {
  expect(everything.SplitMask).toBe(methods.SplitMask);
  expect(everything.reportPage).toBe(report.reportPage);
  expect(everything.defineConfig).toBe(cli.defineConfig);
});

test("the bin is the command of @splitmask/cli", () => {
  const bin = fileURLToPath(new URL("../dist/bin.js", import.meta.url));
  const child = spawnSync(process.execPath, [bin, "pretrain", "--help"], { encoding: "utf8" });
  expect(child.status).toBe(0);
  expect(child.stdout).toContain("Usage: splitmask pretrain");
});
