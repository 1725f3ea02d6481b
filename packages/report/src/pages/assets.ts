import { readFileSync } from "node:fs";
import { asMarkup, type Html, html } from "../html/html.js";

/** The style sheets of this package. */
export type StyleSheet = "page" | "sheet" | "layerChart";

/** A style sheet of this package (`scripts/bundle.mjs` puts it into `dist`) as an element. */
export function styleElement(name: StyleSheet): Html {
  return html`<style>${asMarkup(read(`../styles/${name}.css`))}</style>`;
}

/** The pages' script (`src/browser`, made one file by `scripts/bundle.mjs`) as an element. */
export function scriptElement(): Html {
  return html`<script>${asMarkup(read("../browser/page.js"))}</script>`;
}

function read(path: string): string {
  return readFileSync(new URL(path, import.meta.url), "utf8");
}
