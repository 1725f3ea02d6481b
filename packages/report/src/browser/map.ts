import type { MapView } from "../data.js";
import { lastPart } from "../figures/format.js";

/** The part of a map that is shown: its upper left corner, and how often it fits in the whole. */
interface Frame {
  readonly x: number;
  readonly y: number;
  readonly zoom: number;
}

const whole: Frame = { x: 0, y: 0, zoom: 1 };
const mostZoom = 40;
/** Side of a picture on the map, in CSS pixels. */
const pictureSide = 44;
/** How far from a point, or from the middle of a picture, the pointer finds it, in CSS pixels. */
const reach = { point: 16, picture: 26 };

/** Lets a map be zoomed and moved, and shows the pictures, names and classes of its points. */
export function openMap(figure: HTMLElement): void {
  const find = <Found extends Element = HTMLElement>(selector: string) =>
    figure.querySelector<Found>(selector)!;
  const drawing = find<SVGSVGElement>("svg");
  const data: MapView = JSON.parse(drawing.nextElementSibling!.textContent!);
  const { atlas, classes, height, names, width, x, y } = data;
  const classOf: number[] = [];
  for (const [place, { members }] of classes.entries()) for (const member of members) classOf[member] = place;
  const points = find<SVGElement>(".points");
  const pictures = find(".pictures");
  const ring = find(".ring");
  const tip = find(".tip");
  const tipPicture = find<SVGElement>(".tip svg");
  const asPictures = find(`[data-do="pictures"]`);

  let frame = whole;
  /** The one class that is shown; null: all are. */
  let shownClass: number | null = null;
  let showsPictures = false;
  /** What a drag keeps under the pointer. */
  let grabbed: DOMPoint | null = null;

  /** From the drawing's units to CSS pixels of the window. */
  const onScreen = () => drawing.getScreenCTM()!;
  const placeOf = ({ clientX, clientY }: MouseEvent) =>
    new DOMPoint(clientX, clientY).matrixTransform(onScreen().inverse());
  const isShown = (index: number) => shownClass === null || classOf[index] === shownClass;

  function draw(): void {
    drawing.setAttribute("viewBox", `${frame.x} ${frame.y} ${width / frame.zoom} ${height / frame.zoom}`);
    points.style.display = showsPictures ? "none" : "";
    pointAt(null);
    pictures.replaceChildren();
    if (showsPictures) drawPictures();
  }

  /** Draws the pictures in the frame, but none over another. */
  function drawPictures(): void {
    const side = ((pictureSide / frame.zoom) * width) / Math.max(drawing.clientWidth, 440);
    const within = (value: number, start: number, size: number) =>
      value > start - side && value < start + size / frame.zoom + side;
    const drawn: number[] = [];
    for (const index of x.keys()) {
      const [across, down] = [x[index]!, y[index]!];
      if (!isShown(index) || !within(across, frame.x, width) || !within(down, frame.y, height)) continue;
      const covers = (other: number) =>
        Math.max(Math.abs(x[other]! - across), Math.abs(y[other]! - down)) < side * 0.85;
      if (drawn.some(covers)) continue;
      drawn.push(index);
      const picture = tipPicture.cloneNode(true) as SVGElement;
      showPicture(picture, index);
      const box = { x: across - side / 2, y: down - side / 2, width: side, height: side };
      for (const [name, value] of Object.entries(box)) picture.setAttribute(name, String(value));
      pictures.append(picture);
    }
  }

  /** Fills an element with one picture of the atlas. */
  function showPicture(picture: SVGElement, index: number): void {
    const { columns, tile } = atlas;
    const corner = `${(index % columns) * tile} ${Math.floor(index / columns) * tile}`;
    picture.setAttribute("viewBox", `${corner} ${tile} ${tile}`);
  }

  /** Shows another part, or the nearest one that lies within the map. */
  function moveTo({ zoom, ...corner }: Frame): void {
    const within = (value: number, size: number) => Math.min(size - size / zoom, Math.max(0, value));
    frame = { x: within(corner.x, width), y: within(corner.y, height), zoom };
    draw();
  }

  function zoomBy(factor: number, event?: MouseEvent): void {
    const middle = { x: frame.x + width / frame.zoom / 2, y: frame.y + height / frame.zoom / 2 };
    const fixed = event === undefined ? middle : placeOf(event);
    const zoom = Math.min(mostZoom, Math.max(1, frame.zoom * factor));
    const part = frame.zoom / zoom;
    moveTo({ x: fixed.x - (fixed.x - frame.x) * part, y: fixed.y - (fixed.y - frame.y) * part, zoom });
  }

  /** Shows one class alone; the one that is already alone, among all again. */
  function showOnly(label: number): void {
    shownClass = shownClass === label ? null : label;
    for (const each of figure.querySelectorAll<HTMLElement | SVGElement>("[data-class]")) {
      const isAlone = Number(each.dataset.class) === shownClass;
      each.classList.toggle("dim", shownClass !== null && !isAlone);
      if (each instanceof HTMLButtonElement) each.setAttribute("aria-pressed", String(isAlone));
    }
    draw();
  }

  function showPictures(show: boolean): void {
    showsPictures = show;
    asPictures.setAttribute("aria-pressed", String(show));
    draw();
  }

  /** The point that is nearest to the pointer; null: none is near. */
  function nearest(event: MouseEvent): number | null {
    const at = placeOf(event);
    const scale = onScreen().a;
    const away = x.map((across, index) =>
      isShown(index) ? Math.hypot(across - at.x, y[index]! - at.y) * scale : Number.POSITIVE_INFINITY,
    );
    const least = Math.min(...away);
    return least < (showsPictures ? reach.picture : reach.point) ? away.indexOf(least) : null;
  }

  /** Rings a point and shows its tip: above it, or below where there is no room, and inside of the figure. */
  function pointAt(index: number | null): void {
    tip.hidden = index === null;
    ring.setAttribute("visibility", index === null ? "hidden" : "visible");
    if (index === null) return;
    const [across, down] = [x[index]!, y[index]!];
    ring.setAttribute("d", `M${across} ${down}h0`);
    showPicture(tipPicture, index);
    find(".tip span").textContent = lastPart(names[index]!);
    find(".tip b").textContent = classes[classOf[index]!]!.name;
    const outer = figure.getBoundingClientRect();
    const point = new DOMPoint(across, down).matrixTransform(onScreen());
    const [left, top] = [point.x - outer.left - tip.offsetWidth / 2, point.y - outer.top];
    tip.style.left = `${Math.max(4, Math.min(outer.width - tip.offsetWidth - 4, left))}px`;
    tip.style.top = `${top > tip.offsetHeight + 40 ? top - tip.offsetHeight - 16 : top + 16}px`;
  }

  drawing.addEventListener("pointerdown", (event) => {
    if (frame.zoom === 1) return;
    grabbed = placeOf(event);
    drawing.setPointerCapture(event.pointerId);
  });
  drawing.addEventListener("pointermove", (event) => {
    if (grabbed === null) {
      pointAt(nearest(event));
      return;
    }
    const at = placeOf(event);
    moveTo({ ...frame, x: frame.x + grabbed.x - at.x, y: frame.y + grabbed.y - at.y });
  });
  drawing.addEventListener("lostpointercapture", () => {
    grabbed = null;
  });
  drawing.addEventListener("pointerleave", () => pointAt(null));
  drawing.addEventListener("dblclick", (event) => zoomBy(2, event));
  // Without Ctrl the wheel scrolls the page.
  drawing.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoomBy(event.deltaY < 0 ? 1.25 : 0.8, event);
    },
    { passive: false },
  );
  find(`[data-do="in"]`).addEventListener("click", () => zoomBy(2));
  find(`[data-do="out"]`).addEventListener("click", () => zoomBy(0.5));
  find(`[data-do="whole"]`).addEventListener("click", () => moveTo(whole));
  asPictures.addEventListener("click", () => showPictures(!showsPictures));
  for (const button of figure.querySelectorAll<HTMLElement>("button[data-class]"))
    button.addEventListener("click", () => showOnly(Number(button.dataset.class)));
  if (classes.length === 1) showPictures(true);
}
