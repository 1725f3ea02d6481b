/** HTML, and not a text that has yet to be escaped. Only `html` and `asMarkup` make it. */
export class Html {
  readonly #markup: string;

  constructor(markup: string) {
    this.#markup = markup;
  }

  toString(): string {
    return this.#markup;
  }
}

/** What may stand in an `html` template: texts, HTML, lists of both; `null` and `false` are nothing. */
export type HtmlValue = string | number | Html | null | false | readonly HtmlValue[];

/**
 * Makes HTML, or SVG, of a template: texts in it are escaped, so that they show as they are wherever they come from;
 * HTML in it stays HTML, lists are joined.
 *
 * @throws TypeError where a value stands in a tag, but not between double quotation marks: no escaping would hold it.
 */
export function html(markup: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  let joined = markup[0]!;
  for (const [index, value] of values.entries()) {
    const start = joined.lastIndexOf("<");
    const tag = start > joined.lastIndexOf(">") ? joined.slice(start).trim() : "";
    const isQuoted = tag.split('"').length % 2 === 0;
    if (tag !== "" && !isQuoted)
      throw new TypeError(`html: put the value after ${tag} in double quotation marks.`);
    joined += markupOf(value) + markup[index + 1]!;
  }
  return new Html(joined);
}

/** Takes a text for HTML, unescaped. Only for what this package itself holds: its style sheet and its script. */
export function asMarkup(markup: string): Html {
  return new Html(markup);
}

/** Data as JSON for the page's script: a `<script>` that the browser does not run, and nothing in the data can end. */
export function dataForScript(data: unknown): Html {
  const json = JSON.stringify(data).replaceAll("<", "\\u003c");
  return html`<script type="application/json">${asMarkup(json)}</script>`;
}

function markupOf(value: HtmlValue): string {
  if (value === null || value === false) return "";
  if (value instanceof Html) return value.toString();
  if (typeof value === "object") return value.map(markupOf).join("");
  return escapeText(String(value));
}

/**
 * A text for elements and quoted attributes, of HTML and of SVG files. What XML cannot hold, control characters and
 * halves of surrogate pairs, becomes �; a carriage return, which a parser would take for a newline, stays.
 */
function escapeText(text: string): string {
  return text
    .replaceAll(/[^\P{Cc}\t\n\r]|[\p{Cs}\ufffe\uffff]/gu, "\ufffd")
    .replaceAll(/[&<>"'\r]/g, (character) => `&#${character.charCodeAt(0)};`);
}
