/** HTML, and not a text that has yet to be escaped. Only `html` and `asMarkup` make it. */
export class Html {
  readonly #markup: string;

  /** @internal */
  constructor(markup: string) {
    this.#markup = markup;
  }

  /** The markup. */
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
  let place = placeAfter(joined, "text");
  for (const [index, value] of values.entries()) {
    if (place === "tag") {
      const before = joined.slice(joined.lastIndexOf("<")).trim();
      throw new TypeError(`html: put the value after ${before} in double quotation marks.`);
    }
    const next = markup[index + 1]!;
    joined += markupOf(value) + next;
    place = placeAfter(next, place);
  }
  return new Html(joined);
}

/** Where a value of a template stands: between tags, inside of one, or inside of a quoted attribute. */
type TemplatePlace = "text" | "tag" | "attribute";

/** Where one is behind a piece of a template that begins at `place`. */
function placeAfter(markup: string, place: TemplatePlace): TemplatePlace {
  let now = place;
  for (const character of markup) {
    if (character === '"' && now !== "text") now = now === "tag" ? "attribute" : "tag";
    else if (character === "<" && now === "text") now = "tag";
    else if (character === ">" && now === "tag") now = "text";
  }
  return now;
}

/**
 * Takes a text for HTML, unescaped. Only for what this package itself holds: its style sheets and its script.
 *
 * @param markup The text.
 */
export function asMarkup(markup: string): Html {
  return new Html(markup);
}

/**
 * Puts data into a page for its script, inside an element that nothing in the data can end.
 *
 * @param data Anything that JSON can hold.
 * @returns A `<script>` that the browser does not run.
 */
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

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  // A parser would take it for a newline.
  "\r": "&#13;",
};

/**
 * A text for elements and quoted attributes, of HTML and of SVG files. What XML cannot hold, control characters and
 * halves of surrogate pairs, becomes �.
 */
function escapeText(text: string): string {
  return text
    .replaceAll(/[^\P{Cc}\t\n\r]|[\p{Cs}\ufffe\uffff]/gu, "\ufffd")
    .replaceAll(/[&<>"'\r]/g, (character) => entities[character]!);
}
