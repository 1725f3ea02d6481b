// The examples of READMEs and guides: which blocks they are, and how they become programs.
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { transformSync } from "@swc/core";

/**
 * The `ts` blocks of a page, each with the output that it has to print where a `text` block follows.
 *
 * @param {string} path
 */
export function markdownExamples(path) {
  const text = readFileSync(path, "utf8");
  const blocks = text.matchAll(/```ts\n([\s\S]*?)```(?:\s*```text\n([\s\S]*?)```)?/g);
  return [...blocks].map(([, code, output], index) => ({
    name: `${basename(path)} ts block ${index + 1}`,
    code,
    output,
  }));
}

/**
 * The JavaScript of an example, a module.
 *
 * @param {string} code
 */
export function programOf(code) {
  return transformSync(code, {
    jsc: { parser: { syntax: "typescript" }, target: "es2022" },
    module: { type: "es6" },
  }).code;
}
