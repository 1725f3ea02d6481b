/** Files, which Node.js, Deno and Bun have; bundles for browsers have `browser.ts` in its place. */
export { mkdir, readFile, writeFile } from "node:fs/promises";
export { join } from "node:path";
