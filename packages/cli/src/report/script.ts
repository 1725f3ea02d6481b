/** The page's script: a crosshair over the charts; zoom, names and pictures on the map. Without it the page shows the same charts and points. */
export const script = `
for (const svg of document.querySelectorAll("svg[data-hover]")) {
  const data = JSON.parse(svg.dataset.hover), line = svg.querySelector(".crosshair"), out = svg.closest("figure").querySelector(".readout");
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const x = Math.min(data.right, Math.max(data.left, (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width));
    const wanted = data.first + (x - data.left) / (data.right - data.left) * (data.last - data.first);
    const nearest = (steps) => steps.reduce((best, step, index) => Math.abs(step - wanted) < Math.abs(steps[best] - wanted) ? index : best, 0);
    line.setAttribute("x1", x); line.setAttribute("x2", x); line.setAttribute("visibility", "visible");
    const read = ({ name, steps, values }) => {
      const index = nearest(steps);
      return wanted > steps.at(-1) + 0.5 && steps.at(-1) < data.last ? "" : "   " + name + " " + values[index];
    };
    const longest = data.series.reduce((most, { steps }) => steps.at(-1) > most.at(-1) ? steps : most, data.series[0].steps);
    out.textContent = "step " + longest[nearest(longest)].toLocaleString("en") + data.series.map(read).join("");
  });
  svg.addEventListener("pointerleave", () => { line.setAttribute("visibility", "hidden"); out.textContent = ""; });
}
for (const figure of document.querySelectorAll(".map")) {
  const data = JSON.parse(figure.querySelector("script").textContent), svg = figure.querySelector("svg"), tip = figure.querySelector(".tip");
  const { x, y, tile, columns, names, classOf, classes, width, height } = data;
  const [points, pictures, ring] = [".points", ".pictures", ".ring"].map((name) => svg.querySelector(name));
  const buttons = Object.fromEntries([...figure.querySelectorAll("button[data-do]")].map((button) => [button.dataset.do, button]));
  let view = { x: 0, y: 0, zoom: 1 }, shown = null, drag = null;
  const element = (name, attributes, parent) => {
    const made = document.createElementNS(svg.namespaceURI, name);
    for (const key in attributes) made.setAttribute(key, attributes[key]);
    return parent.appendChild(made);
  };
  const picture = (index, place, parent) => element("use", { href: "#atlas" }, element("svg", { ...place, viewBox: [index % columns * tile, Math.floor(index / columns) * tile, tile, tile].join(" ") }, parent));
  const visible = (index) => shown === null || classOf[index] === shown;
  const asPictures = () => buttons.pictures.getAttribute("aria-pressed") === "true";
  const draw = () => {
    svg.setAttribute("viewBox", [view.x, view.y, width / view.zoom, height / view.zoom].join(" "));
    points.style.display = asPictures() ? "none" : "";
    pictures.replaceChildren();
    ring.setAttribute("visibility", "hidden"); tip.hidden = true;
    if (!asPictures()) return;
    const side = 44 / view.zoom * width / Math.max(svg.clientWidth, 440), shownOnes = [];
    const inside = (index) => x[index] > view.x - side && x[index] < view.x + width / view.zoom + side && y[index] > view.y - side && y[index] < view.y + height / view.zoom + side;
    const covers = (a, b) => Math.abs(x[a] - x[b]) < side * 0.85 && Math.abs(y[a] - y[b]) < side * 0.85;
    for (let index = 0; index < x.length; index++) {
      if (!visible(index) || !inside(index) || shownOnes.some((other) => covers(index, other))) continue;
      shownOnes.push(index);
      picture(index, { x: x[index] - side / 2, y: y[index] - side / 2, width: side, height: side }, pictures);
    }
  };
  const zoomBy = (factor, at = { x: view.x + width / view.zoom / 2, y: view.y + height / view.zoom / 2 }) => {
    const zoom = Math.min(40, Math.max(1, view.zoom * factor)), part = view.zoom / zoom;
    moveTo({ x: at.x - (at.x - view.x) * part, y: at.y - (at.y - view.y) * part, zoom });
  };
  const moveTo = (to) => {
    const within = (value, size) => Math.min(size - size / to.zoom, Math.max(0, value));
    view = { x: within(to.x, width), y: within(to.y, height), zoom: to.zoom };
    draw();
  };
  const placeOf = (event) => {
    const box = svg.getBoundingClientRect();
    return { x: view.x + (event.clientX - box.left) / box.width * width / view.zoom, y: view.y + (event.clientY - box.top) / box.height * height / view.zoom, unit: width / view.zoom / box.width };
  };
  const point = (event) => {
    const at = placeOf(event), reach = (asPictures() ? 26 : 16) * at.unit;
    let best = -1, distance = reach;
    for (let index = 0; index < x.length; index++) {
      const away = Math.hypot(x[index] - at.x, y[index] - at.y);
      if (away < distance && visible(index)) { best = index; distance = away; }
    }
    tip.hidden = best < 0; ring.setAttribute("visibility", best < 0 ? "hidden" : "visible");
    if (best < 0) return;
    ring.setAttribute("d", "M" + x[best] + " " + y[best] + "h0");
    tip.replaceChildren();
    picture(best, {}, tip);
    const label = tip.appendChild(document.createElement("span"));
    label.textContent = names[best].split(/[\\\\/]/).at(-1); label.title = names[best];
    if (classes[classOf[best]] !== "") tip.appendChild(document.createElement("b")).textContent = classes[classOf[best]];
    const box = svg.getBoundingClientRect(), frame = figure.getBoundingClientRect();
    const left = box.left - frame.left + (x[best] - view.x) / at.unit, top = box.top - frame.top + (y[best] - view.y) / at.unit;
    tip.style.left = Math.max(4, Math.min(frame.width - tip.offsetWidth - 4, left - tip.offsetWidth / 2)) + "px";
    tip.style.top = (top > tip.offsetHeight + 40 ? top - tip.offsetHeight - 16 : top + 16) + "px";
  };
  svg.addEventListener("pointerdown", (event) => { if (view.zoom > 1) { drag = { x: event.clientX, y: event.clientY, view }; svg.setPointerCapture(event.pointerId); } });
  svg.addEventListener("pointermove", (event) => {
    if (drag === null) return point(event);
    const unit = width / view.zoom / svg.getBoundingClientRect().width;
    moveTo({ ...drag.view, x: drag.view.x - (event.clientX - drag.x) * unit, y: drag.view.y - (event.clientY - drag.y) * unit });
  });
  for (const name of ["pointerup", "pointercancel"]) svg.addEventListener(name, () => { drag = null; });
  svg.addEventListener("pointerleave", () => { tip.hidden = true; ring.setAttribute("visibility", "hidden"); });
  svg.addEventListener("dblclick", (event) => zoomBy(2, placeOf(event)));
  svg.addEventListener("wheel", (event) => { if (event.ctrlKey || event.metaKey) { event.preventDefault(); zoomBy(event.deltaY < 0 ? 1.25 : 0.8, placeOf(event)); } }, { passive: false });
  const actions = { in: () => zoomBy(2), out: () => zoomBy(0.5), whole: () => moveTo({ x: 0, y: 0, zoom: 1 }), pictures: () => { buttons.pictures.setAttribute("aria-pressed", String(!asPictures())); draw(); } };
  for (const name in actions) buttons[name].addEventListener("click", actions[name]);
  for (const button of figure.querySelectorAll("button[data-class]")) button.addEventListener("click", () => {
    const wanted = Number(button.dataset.class);
    shown = shown === wanted ? null : wanted;
    for (const each of figure.querySelectorAll("[data-class]")) {
      const other = shown !== null && Number(each.dataset.class) !== shown;
      each.classList.toggle("dim", other);
      if (each.tagName === "BUTTON") each.setAttribute("aria-pressed", String(shown !== null && !other));
    }
    draw();
  });
  if (classes.length === 1) actions.pictures();
}
`;
