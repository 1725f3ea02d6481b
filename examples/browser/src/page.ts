import type { Reply, Request } from "./messages.js";

const find = <Kind extends HTMLElement>(id: string) => document.getElementById(id) as Kind;
const [gallery, status, neighbors] = [find("gallery"), find("status"), find("neighbors")];
const [start, picker, curve] = [
  find<HTMLButtonElement>("start"),
  find<HTMLInputElement>("picker"),
  find<HTMLCanvasElement>("curve"),
];
/** Steps of the run: `?steps=50` sets them. */
const steps = Number(new URLSearchParams(location.search).get("steps") ?? 300);
const fewest = 8;
const shownNeighbors = 6;

const pictures: File[] = [];
const losses: number[] = [];
const worker = new Worker("worker.js", { type: "module" });
const ask = (request: Request) => worker.postMessage(request);

function thumbnail(picture: number, title: string): HTMLImageElement {
  const image = new Image();
  image.src = URL.createObjectURL(pictures[picture]!);
  image.alt = title;
  image.title = title;
  image.onload = () => URL.revokeObjectURL(image.src);
  return image;
}

function add(files: Iterable<File>): void {
  for (const file of files) {
    if (!file.type.startsWith("image/")) continue;
    const button = document.createElement("button");
    const picture = pictures.push(file) - 1;
    button.disabled = true;
    button.append(thumbnail(picture, file.name));
    button.onclick = () => ask({ kind: "neighbors", picture });
    gallery.append(button);
  }
  start.disabled = pictures.length < fewest;
  status.textContent =
    pictures.length < fewest
      ? `${pictures.length} pictures; at least ${fewest} are needed.`
      : `${pictures.length} pictures.`;
}

function drawCurve(): void {
  const { devicePixelRatio: ratio } = window;
  const { clientWidth: width, clientHeight: height } = curve;
  curve.width = width * ratio;
  curve.height = height * ratio;
  const context = curve.getContext("2d")!;
  context.scale(ratio, ratio);
  const most = Math.max(...losses);
  const least = Math.min(...losses);
  context.strokeStyle = getComputedStyle(curve).color;
  context.lineWidth = 2;
  context.beginPath();
  losses.forEach((loss, step) => {
    const x = (step / Math.max(1, steps - 1)) * (width - 4) + 2;
    context.lineTo(x, 2 + (height - 4) * ((most - loss) / Math.max(most - least, 1e-6)));
  });
  context.stroke();
}

function showNeighbors(picture: number, similarities: Float32Array): void {
  const nearest = [...similarities.keys()]
    .filter((other) => other !== picture)
    .sort((a, b) => similarities[b]! - similarities[a]!)
    .slice(0, shownNeighbors);
  neighbors.replaceChildren(
    ...[picture, ...nearest].map((other) =>
      thumbnail(other, other === picture ? "the picture" : `similarity ${similarities[other]!.toFixed(2)}`),
    ),
  );
}

let machine = "";
worker.onmessage = ({ data }: MessageEvent<Reply>) => {
  if (data.kind === "device") machine = `${data.threads} threads, ${data.instructionSet}`;
  if (data.kind === "failed") status.textContent = data.message;
  if (data.kind === "neighbors") showNeighbors(data.picture, data.similarities);
  if (data.kind === "step") {
    losses.push(data.loss);
    drawCurve();
    const time = `${Math.round(1000 * data.seconds)} ms a step on ${machine}`;
    status.textContent = `Step ${data.step + 1} of ${steps}, loss ${data.loss.toFixed(3)}, ${time}.`;
  }
  if (data.kind === "trained") {
    status.textContent += " Trained: choose a picture to see its neighbors.";
    for (const button of gallery.querySelectorAll("button")) button.disabled = false;
  }
};

start.onclick = () => {
  start.disabled = true;
  picker.disabled = true;
  ask({ kind: "train", pictures, steps });
};
picker.onchange = () => add(picker.files ?? []);
document.ondragover = (event) => event.preventDefault();
document.ondrop = (event) => {
  event.preventDefault();
  if (!picker.disabled) add(event.dataTransfer?.files ?? []);
};
