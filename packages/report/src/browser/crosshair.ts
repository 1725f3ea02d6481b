import type { Chart, Series } from "../figures/curves.js";

/** Gives a chart a crosshair, and a line of text with the values at its step. */
export function readChart(figure: HTMLElement): void {
  const readout = figure.querySelector(".readout")!;
  const drawing = figure.querySelector("svg")!;
  const line = drawing.querySelector(".crosshair")!;
  const { series, unit }: Required<Chart> = JSON.parse(drawing.nextElementSibling!.textContent!);
  const first = Math.min(...series.map(({ steps }) => steps[0]!));
  const last = Math.max(...series.map(({ steps }) => steps.at(-1)!));
  drawing.addEventListener("pointermove", (event) => {
    const box = drawing.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    line.setAttribute("transform", `translate(${share * drawing.viewBox.baseVal.width})`);
    line.setAttribute("visibility", "visible");
    readout.textContent = `${unit} ${valuesAt(series, first + share * (last - first), last)}`;
  });
  drawing.addEventListener("pointerleave", () => {
    line.setAttribute("visibility", "hidden");
    readout.textContent = "";
  });
}

/** The values of all lines that reach a step, and the step itself: that of the longest line, which is the nearest. */
function valuesAt(series: readonly Series[], wanted: number, last: number): string {
  const values = series.map(({ name, steps, values }) => {
    const end = steps.at(-1)!;
    return wanted > end + 0.5 && end < last ? "" : `   ${name} ${values[nearest(steps, wanted)]}`;
  });
  const { steps } = series.find((each) => each.steps.at(-1) === last)!;
  return `${steps[nearest(steps, wanted)]!.toLocaleString("en")}${values.join("")}`;
}

/** Index of the step that is nearest to the wanted one. */
function nearest(steps: readonly number[], wanted: number): number {
  const distances = steps.map((step) => Math.abs(step - wanted));
  return distances.indexOf(Math.min(...distances));
}
