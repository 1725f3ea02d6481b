import type { MapView } from "../data.js";
import { dataForScript, type Html, html } from "../html/html.js";
import { slotColor } from "./chart.js";
import type { Section } from "./page.js";

/** The map of the embeddings. */
export function mapSection(map: MapView, withLabels: boolean): Section {
  const seen = withLabels ? "" : ", which the encoder never saw";
  return {
    id: "map",
    heading: "Map of the embeddings",
    short: "Map",
    lead:
      `${map.names.length.toLocaleString("en")} pictures, each placed by its embedding. ` +
      `${map.classes.length > 1 ? `The colors are the classes${seen}. ` : ""}` +
      "Hover over a point to see its picture. Zoom with the buttons, a double click, or Ctrl and the mouse wheel; " +
      "drag to move.",
    body: html`${mapFigure(map)}
<p class="note">${map.note}</p>`,
  };
}

/** Points by class as SVG, one path a class; the page's script adds zoom, names and the pictures. */
function mapFigure({ atlas, note: _, ...map }: MapView): Html {
  const { classes, height, method, names, width, x, y } = map;
  const { columns, image, tile } = atlas;
  const rows = Math.ceil(names.length / columns);
  const points = classes.map(({ color, members }, place) => {
    const dots = members.map((member) => `M${x[member]} ${y[member]}h0`).join("");
    return html`<path class="dots" style="${slotColor(color)}" data-class="${place}" d="${dots}"/>`;
  });
  const legend = classes.map(
    ({ name, color, members }, place) =>
      html`<button type="button" data-class="${place}" aria-pressed="false">
<i style="${slotColor(color)}"></i><bdi class="cut">${name}</bdi> <small>${members.length}</small></button>`,
  );
  return html`<figure class="card map">
<div class="tools"><button type="button" data-do="pictures" aria-pressed="false">Pictures</button><span></span>
<button type="button" data-do="out" aria-label="zoom out">−</button>
<button type="button" data-do="in" aria-label="zoom in">+</button>
<button type="button" data-do="whole">Reset</button></div>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${method} map of ${names.length} embeddings">
<defs><image id="atlas" href="${image}" width="${columns * tile}" height="${rows * tile}"/></defs>
<g class="points">${points}</g><g class="pictures"></g><path class="ring" d="" visibility="hidden"/>
</svg>${dataForScript({ ...map, atlas: { columns, tile } })}
<div class="card tip" hidden><svg><use href="#atlas"/></svg><span class="cut"></span><b class="cut"></b></div>
${classes.length > 1 && html`<div class="legend">${legend}</div>`}</figure>`;
}
