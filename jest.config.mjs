import { fileURLToPath } from "node:url";

/** One configuration for every package; each package's test script passes its own --rootDir. */
export default {
  testEnvironment: fileURLToPath(new URL("scripts/jest/environment.mjs", import.meta.url)),
  roots: ["<rootDir>/test", fileURLToPath(new URL("scripts/jest", import.meta.url))],
  testMatch: ["**/*.test.ts"],
  extensionsToTreatAsEsm: [".ts"],
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      {
        jsc: { parser: { syntax: "typescript" }, target: "es2022" },
        module: { type: "es6" },
        sourceMaps: "inline",
      },
    ],
  },
  moduleNameMapper: { "^(\\.{1,2}/.*)\\.js$": "$1" },
  // Against what hangs, not against what is slow: a loaded machine may take fifty times as long.
  testTimeout: 1_800_000,
  maxWorkers: 1,
};
