import { readCharts } from "./crosshair.js";
import { openMaps } from "./map.js";

// Without this script a page shows the same charts and points.
readCharts(document);
openMaps(document);
