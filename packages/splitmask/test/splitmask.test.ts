import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import * as methods from "@splitmask/methods";
import * as pipelines from "@splitmask/pipelines";
import * as report from "@splitmask/report";
import * as everything from "splitmask";

test("exports what the packages export", () => {
  expect(everything.SplitMask).toBe(methods.SplitMask);
  expect(everything.reportPage).toBe(report.reportPage);
  expect(everything.defineConfig).toBe(pipelines.defineConfig);
});

test("the bin is the command of @splitmask/cli", () => {
  const bin = fileURLToPath(new URL("../dist/bin.js", import.meta.url));
  const child = spawnSync(process.execPath, [bin, "pretrain", "--help"], { encoding: "utf8" });
  expect(child.status).toBe(0);
  expect(child.stdout).toContain("Usage: splitmask pretrain");
});
