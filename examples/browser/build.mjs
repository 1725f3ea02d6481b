// Bundles the page into dist/, which any server can serve; the WebAssembly modules lie beside it.
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const folder = (path) => fileURLToPath(new URL(path, import.meta.url));
const modules = folder("../../packages/kernels/build/wasm");

rmSync(folder("dist"), { recursive: true, force: true });
mkdirSync(folder("dist"));
await build({
  entryPoints: [folder("src/page.ts"), folder("src/worker.ts")],
  outdir: folder("dist"),
  bundle: true,
  platform: "browser",
  format: "esm",
  target: "es2022",
  minify: true,
});
for (const file of readdirSync(folder("page"))) copyFileSync(folder(`page/${file}`), folder(`dist/${file}`));
const wasm = existsSync(modules) ? readdirSync(modules).filter((name) => name.endsWith(".wasm")) : [];
for (const file of wasm) copyFileSync(`${modules}/${file}`, folder(`dist/${file}`));
if (wasm.length === 0)
  console.log("The page has no kernels yet: packages/kernels/scripts/buildWasm.mjs needs Zig.");
