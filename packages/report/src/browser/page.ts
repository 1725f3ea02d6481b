import { readChart } from "./crosshair.js";
import { openMap } from "./map.js";

// Without this script a page shows the same charts and points.
for (const figure of document.querySelectorAll<HTMLElement>(".chart:has(.crosshair)")) readChart(figure);
for (const figure of document.querySelectorAll<HTMLElement>(".map")) openMap(figure);
