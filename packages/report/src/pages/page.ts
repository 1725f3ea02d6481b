import { readFileSync } from "node:fs";
import { asMarkup, type Html, html } from "../html/html.js";

/** A part of a page with a heading. */
export interface Section {
  /** Its anchor. */
  readonly id: string;
  readonly heading: string;
  /** What the table of contents calls it, instead of its heading. */
  readonly short?: string;
  /** One or two sentences below the heading. */
  readonly lead: string;
  readonly body: Html | null;
}

/** A file that `scripts/bundle.mjs` puts into `dist`: the style sheet, or the script made of `src/browser`. */
function bundled(path: string): Html {
  return asMarkup(readFileSync(new URL(`../${path}`, import.meta.url), "utf8"));
}

/** A self-contained document in the style of all pages: no file and no network besides it. */
export function htmlDocument(title: string, header: Html, content: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} – SplitMask</title>
<link rel="icon" href="data:,">
<style>${bundled("styles/page.css")}</style>
</head>
<body>
<main>
<header>
<div class="mark">SplitMask</div>
<h1>${title}</h1>
${header}
</header>
${content}</main>
<script>${bundled("browser/page.js")}</script>
</body>
</html>
`.toString();
}

/** A document of sections with a table of contents, below what its reader has to be warned of. */
export function sectionedPage(page: {
  readonly title: string;
  readonly warnings: readonly string[];
  readonly header: Html;
  /** In order; null and false: there is none. */
  readonly sections: readonly (Section | null | false)[];
  /** The command that writes it. */
  readonly command: "report" | "study";
  readonly written: string;
}): string {
  const sections = page.sections.filter((section) => section !== null && section !== false);
  const warnings = page.warnings.map(
    (text) => html`<p class="card warning"><b>Warning.</b> ${text}.</p>
`,
  );
  const contents = sections.map(({ id, heading, short }) => html`<a href="#${id}">${short ?? heading}</a>`);
  const bodies = sections.map(
    ({ id, heading, lead, body }) => html`<section id="${id}"><h2>${heading}</h2><p class="lead">${lead}</p>
${body}</section>
`,
  );
  return htmlDocument(
    page.title,
    html`${warnings}${page.header}`,
    html`<nav aria-label="Contents">${contents}</nav>
${bodies}<footer>Written by <code>splitmask ${page.command}</code>, ${page.written}.</footer>
`,
  );
}
