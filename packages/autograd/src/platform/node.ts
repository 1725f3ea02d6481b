/** Files, which Node.js, Deno and Bun have; bundles for browsers have `browser.ts` in its place. */
export { readFile } from "node:fs/promises";
export { writeFileDurably } from "@splitmask/files";
