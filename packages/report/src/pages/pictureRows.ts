import type { PanelView, PictureView } from "../data.js";
import { lastPart } from "../figures/format.js";
import { type Html, html } from "../html/html.js";

/** A row a picture: the picture above the last part of its path, a line, and what belongs to it. */
export function pictureRows(views: readonly PictureView[]): Html {
  const columns = 1 + Math.max(...views.map(({ panels }) => panels.length));
  const rows = views.map(
    ({ name, original, panels }) => html`<div class="row" style="--columns:${columns}">
${[{ name, caption: lastPart(name), image: original }, ...panels].map(cell)}</div>
`,
  );
  return html`<div class="card scroll" tabindex="0">${rows}</div>`;
}

function cell({ caption, image, name, remark = "" }: PanelView): Html {
  const whole = name ?? caption;
  return html`<figure><img src="${image}" alt="${whole}"><figcaption>
<div class="${name !== undefined && "cut"}" title="${whole}">${caption}</div>${remark}</figcaption></figure>`;
}
