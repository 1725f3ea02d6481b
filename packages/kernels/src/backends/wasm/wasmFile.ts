import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/**
 * The path of a module: what was compiled here (`scripts/buildWasm.mjs`), else that of the package
 * `@splitmask/kernels-wasm`.
 * @throws Error that says what to do if there is neither.
 */
export function wasmFile(name: string): string {
  const built = fileURLToPath(new URL(`../../../build/wasm/${name}`, import.meta.url));
  if (existsSync(built)) return built;
  try {
    return createRequire(import.meta.url).resolve(`@splitmask/kernels-wasm/${name}`);
  } catch (cause) {
    throw new Error(
      `@splitmask/kernels has no ${name}: neither ${built} nor the package @splitmask/kernels-wasm is there. ` +
        "Install it with `npm install @splitmask/kernels-wasm`, or, in a clone of the repository, compile it with " +
        "`node packages/kernels/scripts/buildWasm.mjs`, which needs Zig.",
      { cause },
    );
  }
}
