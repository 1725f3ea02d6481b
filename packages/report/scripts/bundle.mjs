// Makes one classic script of src/browser and one style sheet of src/styles, which the pages hold.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const inPackage = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

await build({
  entryPoints: ["browser/page.ts", "styles/page.css"].map((path) => inPackage(`src/${path}`)),
  outbase: inPackage("src"),
  outdir: inPackage("dist"),
  bundle: true,
  minify: true,
  format: "iife",
  target: ["chrome123", "firefox120", "safari17.5"],
  logLevel: "warning",
});
