import { type Html, html } from "../html/html.js";
import { scriptElement } from "./assets.js";
import { htmlDocument } from "./document.js";
import type { Section } from "./section.js";

/** A page around its sections. */
export interface PageShell {
  /** The page's title and first heading. */
  readonly title: string;
  /** What stands under it. */
  readonly header: Html;
  /** The sections in order; null: there is none. */
  readonly sections: readonly (Section | null)[];
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
  const shown = sections.filter((section) => section !== null);
  return htmlDocument(
    title,
    "page",
    html`<main>
<header>
<div class="mark">SplitMask</div>
<h1>${title}</h1>
${header}
</header>
<nav aria-label="Contents">${shown.map(({ id, short }) => html`<a href="#${id}">${short}</a>`)}</nav>
${shown.map(
  ({ id, heading, lead, body }) => html`<section id="${id}"><h2>${heading}</h2><p>${lead}</p>
${body}</section>
`,
)}<footer>Written by <code>splitmask report</code>, ${written}.</footer>
</main>
${scriptElement()}
`,
  );
}

/**
 * What stands above the figures that it is about.
 *
 * @param warnings Texts, maybe none.
 */
export function warningsAbove(warnings: readonly string[]): Html[] {
  return warnings.map(
    (text) => html`<p class="warning"><b>Warning.</b> ${text}.</p>
`,
  );
}
