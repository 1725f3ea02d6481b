import { copyFile, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { main } from "@splitmask/cli";
import { startBrowser, type TestBrowser } from "../../report/test/browser.js";
import { desktop, expectGood, phone } from "../../report/test/goodPage.js";
import { lastLine, type Outcome, splitmask, tinyModel } from "./command.js";
import { writePictures } from "./pictures.js";

let folder: string;
let run: string;
let tuned: string;
let browser: TestBrowser;

/** Would ask for a file, speak on the console, and break out of an attribute or a script, if it were taken for HTML. */
const hostile = `"'><img src=x onerror=console.error(1)><b>&amp;`;

beforeAll(async () => {
  const starting = startBrowser();
  folder = await mkdtemp(join(tmpdir(), "splitmask-report-"));
  run = join(folder, "run");
  tuned = join(folder, "tuned");
  const pictures = join(folder, "pictures");
  await writePictures(pictures, 12);
  await rename(join(pictures, "down"), join(pictures, hostile));
  await copyFile(join(pictures, "across", "000.png"), join(pictures, "across", `${hostile}.png`));
  const shape = [...tinyModel, ..."--depth 2 --vocabulary 64 --batch 8 --steps 6 --seed 3".split(" ")];
  const pretrained = await splitmask(["pretrain", pictures, "--out", run, ...shape]);
  expect([pretrained.code, pretrained.error]).toEqual([0, ""]);
  const labelled = ["--train", pictures, "--test", pictures];
  const settings = "--epochs 2 --batch 8 --threads 1".split(" ");
  const finetuned = await splitmask(["finetune", run, ...labelled, "--out", tuned, ...settings]);
  expect([finetuned.code, finetuned.error]).toEqual([
    0,
    expect.stringMatching(/^(warning: --test: 25 of 25 test pictures are training pictures too, .*\n){2}$/),
  ]);
  browser = await starting;
});
afterAll(async () => {
  await browser.close();
  await rm(folder, { recursive: true, force: true });
});

/** `splitmask report` in this process: the packages are loaded once. */
async function report(...args: string[]): Promise<Outcome> {
  const texts = { output: "", error: "" };
  const stream = (name: keyof typeof texts) => ({
    write: (text: string) => {
      texts[name] += text;
    },
  });
  const code = await main(["report", ...args, "--json"], {
    output: stream("output"),
    error: stream("error"),
  });
  return { code, ...texts };
}

/** Writes a page and gives its path. */
async function write(...args: string[]): Promise<string> {
  const outcome = await report(...args);
  expect(outcome.code).toBe(0);
  return (lastLine(outcome) as { report: string }).report;
}

describe("the page of a pre-training run", () => {
  test("is small, and opens from disk with everything drawn, on desktops and phones", async () => {
    const path = join(run, "report.html");
    expect((await stat(path)).size).toBeLessThan(1_000_000);
    for (const device of [desktop, phone]) {
      const opened = await browser.open(path, device);
      await expectGood(opened);
      const headings = await opened.page.locator("h2").allTextContents();
      expect(headings).toEqual([
        "Training",
        "Two halves, each predicting the other",
        "Attention",
        "Map of the embeddings",
        "Nearest neighbors",
        "Confusion matrix",
        "Visual words",
        "Configuration",
      ]);
      // Original, rollout and two heads of four pictures.
      expect(await opened.page.locator("#attention img").count()).toBe(16);
      await opened.page.close();
    }
  });

  test("has names of folders and files as they are", async () => {
    const { page, complaints } = await browser.open(join(run, "report.html"), desktop);
    const map = page.locator("#map figure");
    const dots = await map
      .locator(".dots")
      .evaluateAll((paths) => paths.map((path) => path.getAttribute("d")!.split("M").length - 1));
    expect(dots).toEqual([12, 13].sort((a, b) => a - b));
    expect((await map.locator(".legend bdi").allTextContents()).sort()).toEqual([hostile, "across"].sort());
    const names = JSON.parse((await map.locator("script").textContent())!).names as string[];
    expect(names).toContain(`across/${hostile}.png`);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test("--map umap is the same each time", async () => {
    const maps = [];
    for (const name of ["first.html", "second.html"]) {
      const path = await write(run, "--map", "umap", "--threads", "1", "--out", join(folder, name));
      const page = await readFile(path, "utf8");
      expect(page).toContain("UMAP map of 25 embeddings");
      maps.push(/<script type="application\/json">(\{"method":.*?)<\/script>/.exec(page)![1]);
    }
    expect(maps[0]).toBe(maps[1]);
  });
});

test("the page of a fine-tuned run", async () => {
  const path = await write(tuned);
  expect(path).toBe(join(tuned, "report.html"));
  const opened = await browser.open(path, desktop);
  await expectGood(opened);
  const { page } = opened;
  expect(await page.locator("header p.warning").textContent()).toMatch(
    /^Warning\. --test: 25 of 25 test pictures are training pictures too/,
  );
  expect(await page.locator("header p.lead").textContent()).toMatch(
    /fine-tuned after 6 steps of pre-training, with 25 pictures of 2 classes/,
  );
  const { accuracy } = JSON.parse(await readFile(join(tuned, "evaluation.json"), "utf8")) as {
    accuracy: number;
  };
  expect(await page.locator(".facts").textContent()).toContain(
    `Accuracy${(accuracy * 100).toFixed(1)} %of 25 test pictures`,
  );
  const cells = await page.locator("#confusion tbody td:not(.right)").allTextContents();
  expect(cells.reduce((sum, count) => sum + Number(count), 0)).toBe(25);
  expect(await page.locator("body").textContent()).not.toMatch(/never saw|without labels/);
  await page.close();
});

describe("several runs", () => {
  test("side by side, with their curves in one chart", async () => {
    const path = await write(run, tuned, "--out", join(folder, "compare.html"));
    const opened = await browser.open(path, desktop);
    await expectGood(opened);
    const { page } = opened;
    expect(await page.locator("header .charts .card").allTextContents()).toEqual([
      `A run${run}`,
      `B tuned${tuned}`,
    ]);
    const rows = await page
      .locator("#figures tbody tr")
      .evaluateAll((lines) => lines.map((line) => [...line.children].map((cell) => cell.textContent)));
    expect(rows).toContainEqual(["Steps", "6", "6"]);
    expect(rows.find(([name]) => name === "Match loss")!.slice(1)).toEqual([
      expect.stringMatching(/^\d/),
      "–",
    ]);
    expect(rows.find(([name]) => name === "Accuracy")!.slice(1)).toEqual(["–", expect.stringMatching(/ %$/)]);
    const settings = await page.locator("#settings tbody tr").allTextContents();
    expect(settings).toContain("methodsplitmaskclassifier");
    expect(settings.some((text) => text.startsWith("batch"))).toBe(false);

    const chart = page.locator("#curves figure").first();
    await chart.locator("svg:visible").hover();
    expect(await chart.locator(".readout").textContent()).toMatch(/^step \d {3}A [\d.]+ {3}B [\d.]+$/);
    await page.close();
    const small = await browser.open(path, phone);
    await expectGood(small);
    await small.page.close();
  });

  test.each([
    [["--map", "tsne"], 2, 1, '--map: got "tsne", expected pca or umap.'],
    [
      ["--map", "umap"],
      2,
      2,
      "--map is for the report of one run, and 2 are given: side by side only figures are shown. " +
        "Leave it out, or give one run.",
    ],
    [["--pictures", "."], 2, 2, "--pictures is for the report of one run, and 2 are given"],
    [[], 2, 11, "report: 11 runs were given to put side by side; expected 2 to 10."],
  ])("errors: %j", async (options, code, count, message) => {
    const outcome = await report(...new Array<string>(count).fill(run), ...options);
    expect(outcome.error).toContain(message);
    expect(outcome.code).toBe(code);
  });

  test("a damaged evaluation.json is named", async () => {
    const path = join(folder, "damaged");
    await mkdir(path);
    await copyFile(join(run, "config.json"), join(path, "config.json"));
    for (const [text, message] of [
      ["{", "evaluation.json is not JSON"],
      ['{ "classes": ["a"] }', "evaluation.json is not an evaluation"],
    ] as const) {
      await writeFile(join(path, "evaluation.json"), text);
      const outcome = await report(path);
      expect([outcome.code, outcome.error]).toEqual([1, expect.stringContaining(message)]);
      expect(outcome.error).toContain("Evaluate the run again, or delete it.");
    }
  });
});
