/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { comparisonPage, layerChart, reportPage, sheetPage, studyPage } from "@splitmask/report";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { startBrowser, type TestBrowser } from "./browser.js";
import { desktop, expectGood, phone, withoutSize } from "./goodPage.js";
import { comparedRuns, reportData } from "./reportData.js";
import { studyResults } from "./studyResults.js";

/** Nothing defines `attack`: a script that runs it is an error that the browser tells. */
const markup = [
  `"><script>attack()</script>`,
  `</script><script>attack()</script>`,
  `</title></style></svg></table></figure><b>bold`,
  "<!-- <script>",
  "--> ]]> <![CDATA[",
  `"'><img src=missing.png onerror=attack()><b>&amp;`,
  `" onmouseover="attack()" autofocus onfocus="attack()" x='`,
  "\"double\" 'single' `backtick` attack()",
  "&lt;b&gt; &amp; &#60; &copy &",
];
const hostile = [
  ["markup", markup.join(" ")],
  ["the begin of a comment", "<!-- <script>"],
  [
    "odd characters",
    "one\ntwo\r\nthree\rfour\tfive\u2028six\u2029 \ud800 \udc00 \u0007 \u001b[31m \u202eevil \u05d0\u05d1 \u200f1",
  ],
  ["one long word", "very-long-".repeat(400)],
  ["many words", "many words ".repeat(200)],
] as const;

const cell = () => sharp({ create: { width: 8, height: 8, channels: 3, background: "teal" } });
const sheet = (name: string) =>
  sheetPage({ title: name, note: name, heads: [name], rows: [{ name, cells: [cell()] }], cell: 8 });
const layers = [{ layer: 1, accuracy: 0.5, interval: { low: 0.4, high: 0.6 } }];

/** Each kind of page, with an element that shows what it was given behind a text of its own. */
const pages = new Map<
  string,
  { write: (text: string) => string | Promise<string>; selector: string; before: string }
>([
  ["report.html", { write: (text) => reportPage(reportData(text)), selector: "h1", before: "run " }],
  [
    "comparison.html",
    { write: (text) => comparisonPage(comparedRuns(text), "today"), selector: "thead th", before: "A one" },
  ],
  [
    "study.html",
    { write: (text) => studyPage(studyResults(text), "today"), selector: "h1", before: "study " },
  ],
  ["sheet.html", { write: sheet, selector: "h1", before: "" }],
  ["layers.svg", { write: (title) => layerChart(layers, title, 0.1), selector: ".title", before: "" }],
]);

let folder: string;
let browser: TestBrowser;
/** The trees of elements of the pages with harmless texts. */
const harmless = new Map<string, string>();
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "splitmask-pages-"));
  browser = await startBrowser();
  for (const [name, { write }] of pages) {
    const { page } = await open(name, await write("plain"), desktop);
    harmless.set(name, await skeleton(page));
    await page.close();
  }
});
afterAll(async () => {
  await browser.close();
  await rm(folder, { recursive: true, force: true });
});

/** Writes a page and opens it. */
async function open(name: string, text: string, options = {}) {
  const path = join(folder, name);
  await writeFile(path, text);
  return browser.open(path, options);
}

/** The tree of elements with the names of their attributes, without any text. */
function skeleton(page: Page): Promise<string> {
  return page.evaluate(() => {
    const of = (element: Element): string =>
      `${element.tagName}[${element.getAttributeNames()}](${[...element.children].map(of).join("")})`;
    return of(document.documentElement);
  });
}

/** The texts of elements, as they are. */
const texts = (page: Page, selector: string) =>
  page.locator(selector).evaluateAll((elements) => elements.map((element) => element.textContent!));
/** An attribute of elements. */
const attributes = (page: Page, selector: string, name: string) =>
  page
    .locator(selector)
    .evaluateAll((elements, key) => elements.map((element) => element.getAttribute(key)!), name);

/** What a text has to read like: what a file cannot hold is replaced, the rest stays. */
const shown = (text: string) =>
  text
    .replaceAll(/\p{Cs}/gu, "\ufffd")
    .replaceAll("\u0007", "\ufffd")
    .replaceAll("\u001b", "\ufffd");
const lastPart = (path: string) => path.split(/[\\/]/).at(-1)!;

describe.each(hostile)("texts of %s", (_, raw) => {
  const text = shown(raw);

  test("in a report", async () => {
    const opened = await open("report.html", reportPage(reportData(raw)), desktop);
    const { page } = opened;
    await expectGood(opened);
    expect(await skeleton(page)).toBe(harmless.get("report.html"));
    expect(await texts(page, "h1")).toEqual([`run ${text}`]);
    expect((await texts(page, ".facts dt"))[2]).toMatch(/^Tested./);
    expect(await texts(page, "#training figcaption b")).toContain(`Rank${text}`);
    expect((await texts(page, ".label b"))[1]).toBe(`match${text}`);
    expect(await texts(page, "#method h2, #method .note")).toEqual([
      `What it paints ${text}`,
      `painted pixels ${text}`,
    ]);
    expect(await attributes(page, "#method img", "alt")).toEqual([
      `a${text}`,
      `hidden${text}`,
      `painted${text}`,
      "b",
    ]);
    expect(await texts(page, "#attention .cut")).toEqual([lastPart(`a${text}`)]);
    expect(await attributes(page, "#attention .cut", "title")).toEqual([`a${text}`]);
    expect(await texts(page, ".legend bdi")).toEqual([`cats${text}`, `dogs${text}`]);
    expect((await texts(page, ".confusion tbody th"))[1]).toBe(`dogs${text}`);
    expect((await attributes(page, ".confusion tbody .miss", "title"))[0]).toBe(
      `2 of 10 “cats${text}” predicted as “dogs${text}”`,
    );
    expect((await texts(page, ".worst td:last-child"))[0]).toBe(`class 1${text} 1`);
    expect(await texts(page, "#configuration td")).toEqual([`128${text}`, `given${text}`]);
    expect(await texts(page, "#skipped code")).toEqual([`broken${text}`]);

    // What the script shows comes as JSON, which holds halves of surrogate pairs too.
    await page.locator("#training svg").first().hover();
    expect(await page.locator("#training .readout").first().textContent()).toContain(`match${raw} 1`);
    await page.locator(".map > svg").hover({ position: await placeOnMap(page, 2) });
    expect(await texts(page, ".tip span")).toEqual([lastPart(`dogs/c${raw}`)]);
    expect(await texts(page, ".tip b")).toEqual([`dogs${raw}`]);
    expect(opened.complaints).toEqual([]);
    await page.setViewportSize(phone.viewport);
    await expectGood(opened);
    await page.close();
  });

  test.each([...pages].slice(1))("in %s", async (name, { write, selector, before }) => {
    const { page, complaints, requests } = await open(name, await write(raw), desktop);
    expect(await skeleton(page)).toBe(harmless.get(name));
    expect((await texts(page, selector))[0]).toBe(`${before}${text}`);
    expect([complaints, requests]).toEqual([[], []]);
    await page.close();
  });
});

/** Where a point of the map is on the screen. */
function placeOnMap(page: Page, index: number): Promise<{ x: number; y: number }> {
  return page.locator(".map > svg").evaluate((drawing, point) => {
    const { x, y, width } = JSON.parse(drawing.nextElementSibling!.textContent!);
    const scale = drawing.clientWidth / width;
    return { x: x[point] * scale, y: y[point] * scale };
  }, index);
}

test("the browser hears errors and sees requests and what has no size", async () => {
  const elements = `<img src="missing.png"><svg role="img" width="3"></svg>`;
  const bad = `${elements}<script>console.error("heard"); nothing()</script>`;
  const { page, complaints, requests } = await open("bad.html", bad);
  expect(complaints).toEqual(expect.arrayContaining(["heard", "nothing is not defined"]));
  expect(requests).toEqual([expect.stringMatching(/missing\.png$/)]);
  expect(await withoutSize(page)).toHaveLength(2);
  await page.close();
});

test("a page follows the reader's wish for dark, and prints without what is only of use on screens", async () => {
  const background = async (colorScheme: "light" | "dark") => {
    const { page } = await open("scheme.html", reportPage(reportData("")), { ...desktop, colorScheme });
    const color = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await page.emulateMedia({ media: "print" });
    expect(await page.locator("nav").isVisible()).toBe(false);
    await page.close();
    return color;
  };
  expect(await background("light")).toBe("rgb(247, 246, 243)");
  expect(await background("dark")).toBe("rgb(19, 20, 23)");
});

test("a study draws its rows, its layers and its axes, on a desktop and on a phone", async () => {
  const opened = await open("study.html", studyPage(studyResults(""), "today"), desktop);
  const { page } = opened;
  await expectGood(opened);
  expect(await texts(page, "#evaluation-1 figcaption b")).toEqual(["By row", "k-NN by share"]);
  expect(await texts(page, "#evaluation-2 figcaption b")).toEqual([
    ...["probe, layer 3", "probe by layer", "probe, layer 3 by share"],
  ]);
  expect(await page.locator("#evaluation-1 .intervals .dot").count()).toBe(12);
  expect(await texts(page, "#evaluation-1 .intervals .labels span")).toEqual([
    ...["31.0 ± 1.1", "40.0 ± 1.1", "43.0 ± 1.1", "46.0 ± 1.1"],
  ]);
  expect(await texts(page, "#evaluation-1 tbody tr:first-child > *")).toEqual([
    ...["1 %", "+9.0 (+7.0 to +11.0)", "p = 0.004", "3", "higher"],
  ]);
  expect((await texts(page, ".warning")).map((text) => text.trim())).toEqual([
    "Warning. 30 of 33 steps are done so far.",
    "Warning. unfinished, seed 0: pre-training failed: no memory.",
    "Warning. careful.",
  ]);
  await page.setViewportSize(phone.viewport);
  await expectGood(opened);
  await page.close();
});

test("a chart is read out where the mouse points, line by line as far as each goes", async () => {
  const { page } = await open("chart.html", comparisonPage(comparedRuns(""), "today"), desktop);
  const chart = page.locator("#curves figure").first();
  const readout = async (share: number) => {
    const { width, height } = (await chart.locator("svg").boundingBox())!;
    await chart.locator("svg").hover({ position: { x: width * share, y: height / 2 } });
    return chart.locator(".readout").textContent();
  };
  expect(await readout(0.02)).toBe("step 1   A 3   B 4");
  expect(await readout(0.45)).toBe("step 2   A 2   B 3");
  expect(await readout(0.98)).toBe("step 3   B 2");
  await page.mouse.move(2, 2);
  expect(await chart.locator(".readout").textContent()).toBe("");
  await page.close();
});

test("a map has names, pictures, classes, zoom and moves", async () => {
  const { page, complaints } = await open("map.html", reportPage(reportData(".png")), desktop);
  const map = page.locator("#map figure");
  const drawing = map.locator("> svg");
  const box = async () => (await drawing.getAttribute("viewBox"))!.split(" ").map(Number);

  await drawing.hover({ position: await placeOnMap(page, 1) });
  expect(await texts(page, ".tip span, .tip b")).toEqual(["b.png", "cats.png"]);
  await drawing.hover({ position: { x: 4, y: 4 } });
  expect(await map.locator(".tip").isVisible()).toBe(false);

  await map.getByRole("button", { name: "Pictures" }).click();
  expect(await map.locator(".points").isVisible()).toBe(false);
  expect(await map.locator(".pictures use").count()).toBe(3);
  await map.getByRole("button", { name: "Pictures" }).click();
  expect(await map.locator(".pictures use").count()).toBe(0);

  await map.getByRole("button", { name: "zoom in" }).click();
  expect(await box()).toEqual([250, 105, 500, 210]);
  const { x, y, width } = (await drawing.boundingBox())!;
  await page.mouse.move(x + 200, y + 100);
  await page.mouse.down();
  await page.mouse.move(x + 200 - width / 5, y + 100);
  await page.mouse.up();
  // A fifth of what is shown, to the right.
  expect((await box())[0]).toBeCloseTo(350, 0);
  await map.getByRole("button", { name: "zoom out" }).click();
  await map.getByRole("button", { name: "Reset" }).click();
  expect(await box()).toEqual([0, 0, 1000, 420]);

  const only = map.getByRole("button", { name: "dogs" });
  await only.click();
  expect(await only.getAttribute("aria-pressed")).toBe("true");
  expect(await map.locator(".dots.dim").count()).toBe(1);
  await only.click();
  expect(await map.locator(".dots.dim").count()).toBe(0);
  expect(complaints).toEqual([]);
  await page.close();
});

test("a map without classes begins with the pictures", async () => {
  const data = reportData("");
  const map = { ...data.map!, classes: [{ name: "", color: 1, members: [0, 1, 2] }] };
  const { page } = await open("unlabeled.html", reportPage({ ...data, map }), desktop);
  expect(await page.locator(".pictures use").count()).toBe(3);
  expect(await page.locator(".legend").count()).toBe(0);
  await page.locator(".map > svg").hover({ position: await placeOnMap(page, 0) });
  expect(await texts(page, ".tip span, .tip b")).toEqual(["a", ""]);
  await page.close();
});
