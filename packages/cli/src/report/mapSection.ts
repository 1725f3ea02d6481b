import type { MapView } from "./data.js";
import { mapWidth } from "./embeddingMap.js";
import { escapeHtml, jsonForScript } from "./escape.js";

/**
 * The map of embeddings: points by class as SVG, one path a class; the page's script adds zoom, names and the pictures.
 *
 * @param map The map.
 * @returns What stands under the section's heading.
 */
export function mapHtml(map: MapView): string {
  const { atlas, classes, height, names, x, y } = map;
  const classOf = new Array<number>(names.length).fill(0);
  for (const [place, { members }] of classes.entries()) for (const member of members) classOf[member] = place;
  const data = {
    x,
    y,
    names,
    classOf,
    classes: classes.map(({ name }) => name),
    tile: atlas.tile,
    columns: atlas.columns,
    width: mapWidth,
    height,
  };
  const side = atlas.columns * atlas.tile;
  const rows = Math.ceil(atlas.count / atlas.columns) * atlas.tile;
  const points = classes
    .map(({ colour, members }, place) => {
      const dots = members.map((member) => `M${x[member]} ${y[member]}h0`).join("");
      return `<path class="dots colour${colour}" data-class="${place}" d="${dots}"/>`;
    })
    .join("");
  const legend =
    classes.length < 2
      ? ""
      : `<div class="legend">${classes
          .map(
            ({ name, colour, members }, place) =>
              `<button type="button" data-class="${place}" aria-pressed="false"><i class="colour${colour}"></i>${escapeHtml(name)} <small>${members.length}</small></button>`,
          )
          .join("")}</div>`;
  return `<figure class="card map"><div class="tools"><button type="button" data-do="pictures" aria-pressed="false">Pictures</button><span></span>
<button type="button" data-do="out" aria-label="zoom out">−</button><button type="button" data-do="in" aria-label="zoom in">+</button><button type="button" data-do="whole">Whole</button></div>
<svg viewBox="0 0 ${mapWidth} ${height}" role="img" aria-label="${escapeHtml(`${map.method} map of ${names.length} embeddings`)}"><defs><image id="atlas" href="${atlas.image}" width="${side}" height="${rows}"/></defs>
<g class="points">${points}</g><g class="pictures"></g><path class="ring" d="" visibility="hidden"/></svg>
<div class="tip" hidden></div>${legend}
<script type="application/json">${jsonForScript(data)}</script></figure>
<p class="note">${escapeHtml(map.note)}</p>`;
}
