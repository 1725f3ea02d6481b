import { spawnSync } from "node:child_process";

test("a gradient that is missing or forgets an input does not compile, nor a call without inputs or attributes", () => {
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
