/**
 * Training runs as self-contained HTML pages.
 *
 * @packageDocumentation
 */
export type { ConfusionView, RecordedRun, ReportData } from "./data.js";
export { lastMean } from "./figures/curves.js";
export { formatDuration, percent } from "./figures/format.js";
export { differenceText, pValueText, readingNote, valueText } from "./figures/studyText.js";
export { attentionViews } from "./looks/attention.js";
export { drawPictures, pictureAtlas } from "./looks/draw.js";
export { embeddingMap, type MapMethod, mapMethods } from "./looks/embeddingMap.js";
export { methodView, tokenView } from "./looks/methodView.js";
export { knnConfusion, neighborViews } from "./looks/neighbors.js";
export { comparisonPage, mostCompared } from "./pages/comparisonPage.js";
export { type LayerAccuracy, layerChart } from "./pages/layerChart.js";
export { reportPage } from "./pages/reportPage.js";
export { type ContactSheet, type SheetRow, sheetPage, sheetPicture } from "./pages/sheet.js";
export { studyPage } from "./pages/studyPage.js";
export type {
  RowPlace,
  StudyAccuracy,
  StudyComparison,
  StudyFailure,
  StudyFigure,
  StudyResultRow,
  StudyResults,
  StudyValue,
} from "./studyData.js";
