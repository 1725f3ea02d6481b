import { confusionHtml } from "./confusionSection.js";
import type { ConfusionView } from "./data.js";
import { escapeHtml } from "./escape.js";
import { script } from "./script.js";
import { styleSheet } from "./style.js";

/** A part of a page with a heading. */
export interface Section {
  /** Its anchor. */
  readonly id: string;
  /** Its heading. */
  readonly heading: string;
  /** What the table of contents calls it. */
  readonly short: string;
  /** One or two sentences below the heading, as HTML. */
  readonly lead: string;
  /** The rest, as HTML. */
  readonly body: string;
}

/** A page around its sections. */
export interface PageShell {
  /** The page's title and first heading. */
  readonly title: string;
  /** What stands under it, as HTML. */
  readonly header: string;
  /** The sections, in order. */
  readonly sections: readonly Section[];
  /** When the page was written, for people. */
  readonly written: string;
}

/**
 * Writes a self-contained page: style and script inside, a table of contents, no file and no network besides it.
 *
 * @param shell The page.
 * @returns The HTML.
 */
export function htmlPage({ title, header, sections, written }: PageShell): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)} – SplitMask</title>
<link rel="icon" href="data:,">
<style>${styleSheet}</style>
</head>
<body>
<main>
<header>
<div class="mark">SplitMask</div>
<h1>${escapeHtml(title)}</h1>
${header}
</header>
<nav aria-label="Contents">${sections.map(({ id, short }) => `<a href="#${id}">${short}</a>`).join("")}</nav>
${sections
  .map(
    ({ id, heading, lead, body }) =>
      `<section id="${id}"><h2>${heading}</h2>${lead === "" ? "" : `<p>${lead}</p>`}\n${body}</section>`,
  )
  .join("\n")}
<footer>Written by <code>splitmask report</code>, ${escapeHtml(written)}.</footer>
</main>
<script>${script}</script>
</body>
</html>
`;
}

/**
 * What stands above the figures that it is about.
 *
 * @param warnings Texts, maybe none.
 */
export function warningsHtml(warnings: readonly string[]): string {
  return warnings.map((text) => `<p class="warning"><b>Warning.</b> ${escapeHtml(text)}.</p>\n`).join("");
}

/**
 * The section with confusion matrices.
 *
 * @param views At least one.
 */
export function confusionSection(views: readonly ConfusionView[]): Section {
  return {
    id: "confusion",
    heading: "Confusion matrix",
    short: "Confusion",
    lead: "A row is what pictures are, a column what they were taken for. Blue is right, orange wrong; the stronger, the larger its share of the row.",
    body: `<div class="stack">${views.map(confusionHtml).join("\n")}</div>`,
  };
}
