/**
 * Training runs as self-contained HTML pages.
 *
 * @packageDocumentation
 */
export type * from "./data.js";
export { type ChartContext, chartsOf } from "./figures/charts.js";
export { comparisonOf, mostCompared } from "./figures/comparison.js";
export { type Curve, curvesOf } from "./figures/curves.js";
export { factsOf, lastMean, type RunFigures } from "./figures/facts.js";
export { formatDuration, percent } from "./figures/format.js";
export type { RecordedRun } from "./figures/recordedRun.js";
export { pictureAtlas } from "./looks/atlas.js";
export { attentionViews } from "./looks/attention.js";
export { type DrawnPictures, drawPictures, pngOf, rawOf } from "./looks/draw.js";
export { embeddingMap, type MapMethod, type MappedPictures, mapMethods } from "./looks/embeddingMap.js";
export { knnConfusion } from "./looks/knnConfusion.js";
export { methodView } from "./looks/methodView.js";
export { type GalleryPicture, neighborViews } from "./looks/neighbors.js";
export { tokenView } from "./looks/tokens.js";
export { comparisonPage } from "./pages/comparisonPage.js";
export { type LayerAccuracy, type LayerChartOptions, layerChart } from "./pages/layerChart.js";
export { reportPage } from "./pages/reportPage.js";
export { type ContactSheet, type SheetRow, sheetPage, sheetPicture } from "./pages/sheet.js";
