// Makes one classic script of src/browser and one file of each style sheet, which the pages hold.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const inPackage = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

await build({
  entryPoints: ["browser/page.ts", "styles/page.css", "styles/sheet.css", "styles/layerChart.css"].map(
    (path) => inPackage(`src/${path}`),
  ),
  outbase: inPackage("src"),
  outdir: inPackage("dist"),
  bundle: true,
  minify: true,
  format: "iife",
  target: ["chrome111", "firefox113", "safari16.4"],
  logLevel: "warning",
});
