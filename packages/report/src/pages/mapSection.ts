import type { MapView } from "../data.js";
import { dataForScript, type Html, html } from "../html/html.js";
import type { MapPoints } from "./scriptData.js";
import type { Section } from "./section.js";

/**
 * The map of the embeddings.
 *
 * @param map The map.
 * @param withLabels Whether the encoder was trained with labels.
 */
export function mapSection(map: MapView, withLabels: boolean): Section {
  const pictures = map.names.length.toLocaleString("en");
  const seen = withLabels ? "" : ", which the encoder never saw";
  return {
    id: "map",
    heading: "Map of the embeddings",
    short: "Map",
    lead:
      `${pictures} pictures, each placed by its embedding. ` +
      `${map.classes.length > 1 ? `The colors are the classes${seen}. ` : ""}` +
      "Hover over a point to see its picture. Zoom with the buttons, a double click, or Ctrl and the mouse wheel; " +
      "drag to move.",
    body: mapFigure(map),
  };
}

/** Points by class as SVG, one path a class; the page's script adds zoom, names and the pictures. */
function mapFigure(map: MapView): Html {
  const { atlas, classes, height, method, names, note, width, x, y } = map;
  const classOf = new Array<number>(names.length).fill(0);
  for (const [place, { members }] of classes.entries()) for (const member of members) classOf[member] = place;
  const { tile, columns } = atlas;
  const data: MapPoints = {
    ...{ x, y, names, classOf, tile, columns, width, height },
    classes: classes.map(({ name }) => name),
  };
  const rows = Math.ceil(atlas.count / columns);
  const points = classes.map(({ color, members }, place) => {
    const dots = members.map((member) => `M${x[member]} ${y[member]}h0`).join("");
    return html`<path class="dots color${color}" data-class="${place}" d="${dots}"/>`;
  });
  const legend = classes.map(
    ({ name, color, members }, place) =>
      html`<button type="button" data-class="${place}" aria-pressed="false">
<i class="color${color}"></i><bdi>${name}</bdi> <small>${members.length}</small></button>`,
  );
  return html`<figure class="card map">
<div class="tools"><button type="button" data-do="pictures" aria-pressed="false">Pictures</button><span></span>
<button type="button" data-do="out" aria-label="zoom out">−</button>
<button type="button" data-do="in" aria-label="zoom in">+</button>
<button type="button" data-do="whole">Reset</button></div>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${method} map of ${names.length} embeddings">
<defs><image id="atlas" href="${atlas.image}" width="${columns * tile}" height="${rows * tile}"/></defs>
<g class="points">${points}</g><g class="pictures"></g><path class="ring" d="" visibility="hidden"/>
</svg>${dataForScript(data)}
<div class="tip" hidden></div>${classes.length > 1 && html`<div class="legend">${legend}</div>`}</figure>
<p class="note">${note}</p>`;
}
