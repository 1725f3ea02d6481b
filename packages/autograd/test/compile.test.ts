import { spawnSync } from "node:child_process";

test("an operation without its gradient, with a wrong one, or missing in the table does not compile", () => {
  const compiler = "../../node_modules/typescript/bin/tsc";
  const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2022"];
  const run = spawnSync(
    process.execPath,
    [compiler, "--ignoreConfig", ...options, "--types", "node", "test/compile/operations.ts"],
    { encoding: "utf8" },
  );
  expect(run.stdout).toBe("");
  expect(run.status).toBe(0);
});
