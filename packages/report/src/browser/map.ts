import type { MapPoints } from "../pages/scriptData.js";
import { embeddedData } from "./embeddedData.js";

/** A place on a map, in the drawing's units. */
interface Place {
  readonly x: number;
  readonly y: number;
}

/** The part of a map that is shown: its upper left corner, and how often it fits into the whole. */
interface Frame extends Place {
  readonly zoom: number;
}

const whole: Frame = { x: 0, y: 0, zoom: 1 };
const mostZoom = 40;
/** Side of a picture on the map, in CSS pixels. */
const pictureSide = 44;
/** How far from a point, or from the middle of a picture, the pointer finds it, in CSS pixels. */
const reach = { point: 16, picture: 26 };

/** Lets every map of a page be zoomed and moved, and shows the pictures, names and classes of its points. */
export function openMaps(page: ParentNode): void {
  for (const figure of page.querySelectorAll<HTMLElement>(".map")) new EmbeddingMap(figure).open();
}

class EmbeddingMap {
  readonly #figure: HTMLElement;
  readonly #drawing: SVGSVGElement;
  readonly #data: MapPoints;
  readonly #points: SVGElement;
  readonly #pictures: SVGElement;
  readonly #ring: SVGElement;
  readonly #tip: HTMLElement;
  readonly #asPictures: HTMLElement;
  #frame = whole;
  /** The one class that is shown; null: all are. */
  #shownClass: number | null = null;
  /** Where a drag began, in CSS pixels, and what was shown then. */
  #drag: { readonly x: number; readonly y: number; readonly frame: Frame } | null = null;

  constructor(figure: HTMLElement) {
    this.#figure = figure;
    this.#drawing = figure.querySelector("svg")!;
    this.#data = embeddedData(this.#drawing);
    this.#points = this.#drawing.querySelector(".points")!;
    this.#pictures = this.#drawing.querySelector(".pictures")!;
    this.#ring = this.#drawing.querySelector(".ring")!;
    this.#tip = figure.querySelector(".tip")!;
    this.#asPictures = this.#button("pictures");
  }

  /** Listens to the reader. */
  open(): void {
    const drawing = this.#drawing;
    drawing.addEventListener("pointerdown", (event) => this.#startDrag(event));
    drawing.addEventListener("pointermove", (event) => {
      if (this.#drag === null) this.#pointAt(event);
      else this.#dragTo(event);
    });
    for (const name of ["pointerup", "pointercancel"])
      drawing.addEventListener(name, () => {
        this.#drag = null;
      });
    drawing.addEventListener("pointerleave", () => this.#pointAtNothing());
    drawing.addEventListener("dblclick", (event) => this.#zoomBy(2, this.#placeOf(event)));
    // Without Ctrl the wheel scrolls the page.
    drawing.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        this.#zoomBy(event.deltaY < 0 ? 1.25 : 0.8, this.#placeOf(event));
      },
      { passive: false },
    );
    this.#button("in").addEventListener("click", () => this.#zoomBy(2));
    this.#button("out").addEventListener("click", () => this.#zoomBy(0.5));
    this.#button("whole").addEventListener("click", () => this.#moveTo(whole));
    this.#asPictures.addEventListener("click", () => this.#showPictures(!this.#showsPictures));
    for (const button of this.#figure.querySelectorAll<HTMLElement>("button[data-class]"))
      button.addEventListener("click", () => this.#showOnly(Number(button.dataset.class)));
    if (this.#data.classes.length === 1) this.#showPictures(true);
  }

  #button(name: string): HTMLElement {
    return this.#figure.querySelector(`button[data-do="${name}"]`)!;
  }

  get #showsPictures(): boolean {
    return this.#asPictures.getAttribute("aria-pressed") === "true";
  }

  #showPictures(show: boolean): void {
    this.#asPictures.setAttribute("aria-pressed", String(show));
    this.#draw();
  }

  /** Shows one class alone; the one that is already alone, among all again. */
  #showOnly(label: number): void {
    this.#shownClass = this.#shownClass === label ? null : label;
    for (const each of this.#figure.querySelectorAll<HTMLElement | SVGElement>("[data-class]")) {
      const other = this.#shownClass !== null && Number(each.dataset.class) !== this.#shownClass;
      each.classList.toggle("dim", other);
      if (each instanceof HTMLButtonElement)
        each.setAttribute("aria-pressed", String(this.#shownClass !== null && !other));
    }
    this.#draw();
  }

  #isShown(index: number): boolean {
    return this.#shownClass === null || this.#data.classOf[index] === this.#shownClass;
  }

  #draw(): void {
    const { width, height } = this.#data;
    const { x, y, zoom } = this.#frame;
    this.#drawing.setAttribute("viewBox", `${x} ${y} ${width / zoom} ${height / zoom}`);
    this.#points.style.display = this.#showsPictures ? "none" : "";
    this.#pointAtNothing();
    this.#pictures.replaceChildren();
    if (this.#showsPictures) this.#drawPictures();
  }

  /** Draws the pictures in the frame, but none over another. */
  #drawPictures(): void {
    const { x, y, width, height } = this.#data;
    const { zoom, ...corner } = this.#frame;
    const side = ((pictureSide / zoom) * width) / Math.max(this.#drawing.clientWidth, 440);
    const within = (value: number, start: number, size: number) =>
      value > start - side && value < start + size / zoom + side;
    const drawn: Place[] = [];
    for (const index of x.keys()) {
      const place = this.#point(index);
      if (!this.#isShown(index)) continue;
      if (!within(place.x, corner.x, width) || !within(place.y, corner.y, height)) continue;
      const covers = (other: Place) =>
        Math.max(Math.abs(other.x - place.x), Math.abs(other.y - place.y)) < side * 0.85;
      if (drawn.some(covers)) continue;
      drawn.push(place);
      const picture = this.#picture(index);
      const box = { x: x[index]! - side / 2, y: y[index]! - side / 2, width: side, height: side };
      for (const [name, value] of Object.entries(box)) picture.setAttribute(name, String(value));
      this.#pictures.append(picture);
    }
  }

  #svgElement(name: string): SVGElement {
    return document.createElementNS(this.#drawing.namespaceURI!, name) as SVGElement;
  }

  /** One picture of the atlas, filling the element that it is in. */
  #picture(index: number): SVGElement {
    const { columns, tile } = this.#data;
    const picture = this.#svgElement("svg");
    const corner = `${(index % columns) * tile} ${Math.floor(index / columns) * tile}`;
    picture.setAttribute("viewBox", `${corner} ${tile} ${tile}`);
    const use = this.#svgElement("use");
    use.setAttribute("href", "#atlas");
    picture.append(use);
    return picture;
  }

  #point(index: number): Place {
    return { x: this.#data.x[index]!, y: this.#data.y[index]! };
  }

  #zoomBy(factor: number, fixed = this.#middle()): void {
    const zoom = Math.min(mostZoom, Math.max(1, this.#frame.zoom * factor));
    const part = this.#frame.zoom / zoom;
    this.#moveTo({
      x: fixed.x - (fixed.x - this.#frame.x) * part,
      y: fixed.y - (fixed.y - this.#frame.y) * part,
      zoom,
    });
  }

  #middle(): Place {
    const { x, y, zoom } = this.#frame;
    return { x: x + this.#data.width / zoom / 2, y: y + this.#data.height / zoom / 2 };
  }

  /** Shows another part, or the nearest one that lies within the map. */
  #moveTo({ x, y, zoom }: Frame): void {
    const within = (value: number, size: number) => Math.min(size - size / zoom, Math.max(0, value));
    this.#frame = { x: within(x, this.#data.width), y: within(y, this.#data.height), zoom };
    this.#draw();
  }

  /** Units of the drawing in a CSS pixel. */
  get #unit(): number {
    return this.#data.width / this.#frame.zoom / this.#drawing.getBoundingClientRect().width;
  }

  #placeOf(event: MouseEvent): Place {
    const box = this.#drawing.getBoundingClientRect();
    const { x, y } = this.#frame;
    return { x: x + (event.clientX - box.left) * this.#unit, y: y + (event.clientY - box.top) * this.#unit };
  }

  #startDrag(event: PointerEvent): void {
    if (this.#frame.zoom === 1) return;
    this.#drag = { x: event.clientX, y: event.clientY, frame: this.#frame };
    this.#drawing.setPointerCapture(event.pointerId);
  }

  #dragTo(event: PointerEvent): void {
    const { frame, ...start } = this.#drag!;
    const unit = this.#unit;
    this.#moveTo({
      x: frame.x - (event.clientX - start.x) * unit,
      y: frame.y - (event.clientY - start.y) * unit,
      zoom: frame.zoom,
    });
  }

  #pointAtNothing(): void {
    this.#tip.hidden = true;
    this.#ring.setAttribute("visibility", "hidden");
  }

  /** Rings the point that is nearest to the pointer and shows its tip. */
  #pointAt(event: MouseEvent): void {
    const at = this.#placeOf(event);
    let distance = (this.#showsPictures ? reach.picture : reach.point) * this.#unit;
    let best: number | null = null;
    for (const index of this.#data.x.keys()) {
      const { x, y } = this.#point(index);
      const away = Math.hypot(x - at.x, y - at.y);
      if (away >= distance || !this.#isShown(index)) continue;
      best = index;
      distance = away;
    }
    if (best === null) this.#pointAtNothing();
    else this.#showTip(best);
  }

  #showTip(index: number): void {
    const { x, y } = this.#point(index);
    this.#ring.setAttribute("d", `M${x} ${y}h0`);
    this.#ring.setAttribute("visibility", "visible");
    const name = document.createElement("span");
    name.textContent = this.#data.names[index]!.split(/[\\/]/).at(-1)!;
    this.#tip.replaceChildren(this.#picture(index), name);
    const className = this.#data.classes[this.#data.classOf[index]!]!;
    if (className !== "") {
      const label = document.createElement("b");
      label.textContent = className;
      this.#tip.append(label);
    }
    this.#tip.hidden = false;
    this.#placeTip({ x, y });
  }

  /** Above the point, or below it where there is no room, and inside of the figure. */
  #placeTip(point: Place): void {
    const tip = this.#tip;
    const box = this.#drawing.getBoundingClientRect();
    const frame = this.#figure.getBoundingClientRect();
    const left = box.left - frame.left + (point.x - this.#frame.x) / this.#unit;
    const top = box.top - frame.top + (point.y - this.#frame.y) / this.#unit;
    const centered = Math.min(frame.width - tip.offsetWidth - 4, left - tip.offsetWidth / 2);
    tip.style.left = `${Math.max(4, centered)}px`;
    tip.style.top = `${top > tip.offsetHeight + 40 ? top - tip.offsetHeight - 16 : top + 16}px`;
  }
}
