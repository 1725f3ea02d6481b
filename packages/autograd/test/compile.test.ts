import { spawnSync } from "node:child_process";

test("an operation without its gradient or with one that forgets an input does not compile, nor a call without its inputs and attributes", () => {
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
