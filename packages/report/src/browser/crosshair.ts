import type { ChartReading } from "../pages/scriptData.js";
import { embeddedData } from "./embeddedData.js";

/** Gives every chart of a page a crosshair, and a line of text with the values at its step. */
export function readCharts(page: ParentNode): void {
  for (const figure of page.querySelectorAll(".chart")) {
    const readout = figure.querySelector<HTMLElement>(".readout");
    if (readout === null) continue;
    for (const drawing of figure.querySelectorAll("svg")) readChart(drawing, readout);
  }
}

function readChart(drawing: SVGSVGElement, readout: HTMLElement): void {
  const data = embeddedData<ChartReading>(drawing);
  const line = drawing.querySelector(".crosshair")!;
  drawing.addEventListener("pointermove", (event) => {
    const box = drawing.getBoundingClientRect();
    const across = ((event.clientX - box.left) / box.width) * drawing.viewBox.baseVal.width;
    const x = Math.min(data.right, Math.max(data.left, across));
    line.setAttribute("x1", String(x));
    line.setAttribute("x2", String(x));
    line.setAttribute("visibility", "visible");
    const share = (x - data.left) / (data.right - data.left);
    readout.textContent = valuesAt(data, data.first + share * (data.last - data.first));
  });
  drawing.addEventListener("pointerleave", () => {
    line.setAttribute("visibility", "hidden");
    readout.textContent = "";
  });
}

/** The values of all lines that reach a step, and the step itself: that of the longest line, which is the nearest. */
function valuesAt({ series, last }: ChartReading, wanted: number): string {
  const values = series.map(({ name, steps, values }) => {
    const end = steps.at(-1)!;
    return wanted > end + 0.5 && end < last ? "" : `   ${name} ${values[nearest(steps, wanted)]}`;
  });
  const longest = series.map(({ steps }) => steps).reduce((a, b) => (b.at(-1)! > a.at(-1)! ? b : a));
  return `step ${longest[nearest(longest, wanted)]!.toLocaleString("en")}${values.join("")}`;
}

/** Index of the step that is nearest to the wanted one. */
function nearest(steps: readonly number[], wanted: number): number {
  let best = 0;
  for (const [index, step] of steps.entries())
    if (Math.abs(step - wanted) < Math.abs(steps[best]! - wanted)) best = index;
  return best;
}
