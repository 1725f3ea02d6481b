import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { callMain, lastLine } from "./command.js";
import { writePictures } from "./pictures.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "splitmask-preview-"));
  await writePictures(join(folder, "pictures"), 4);
  await writeFile(join(folder, "pictures", "across", "broken.png"), "no picture");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const previewOf = (...args: string[]) =>
  callMain([
    "preview",
    join(folder, "pictures"),
    "--image-size",
    "32",
    "--patch",
    "8",
    "--threads",
    "1",
    "--augmentation",
    "crop",
    ...args,
  ]);

/** The pixels of a cell of a sheet whose cells are 128 wide and 8 apart. */
const cellOf = (sheet: string, row: number, column: number) =>
  sharp(sheet)
    .extract({ left: 8 + 136 * column, top: 8 + 136 * row, width: 128, height: 128 })
    .removeAlpha()
    .raw()
    .toBuffer();

test("a PNG: rows of a picture, its versions, and the tokenizer's view", async () => {
  const out = join(folder, "sheet.png");
  const outcome = await previewOf("--out", out, "--count", "3", "--versions", "2", "--json");
  expect(outcome.code).toBe(0);
  expect(lastLine(outcome)).toEqual({
    ...{ out, pictures: 3, versions: 2, skipped: 0 },
    augmentation: "randomResizedCrop(0.2–1)",
  });
  const { width, height } = await sharp(out).metadata();
  expect([width, height]).toEqual([8 + 4 * 136, 8 + 3 * 136]);
  const [first, second, tokens] = await Promise.all([1, 2, 3].map((column) => cellOf(out, 1, column)));
  expect(first!.equals(second!)).toBe(false);
  // At patch 8 the tokenizer's view has the same size as the encoder's: the same crop, pixel for pixel.
  expect(tokens!.equals(first!)).toBe(true);
});

test("the settings change what is seen; the crops stay", async () => {
  const [plain, gray] = [join(folder, "plain.png"), join(folder, "gray.png")];
  await previewOf("--out", plain, "--count", "1", "--versions", "1");
  await previewOf("--out", gray, "--count", "1", "--versions", "1", "--grayscale", "1");
  expect((await cellOf(gray, 0, 0)).equals(await cellOf(plain, 0, 0))).toBe(true);
  const [seen, expected] = [await cellOf(gray, 0, 1), await cellOf(plain, 0, 1)];
  for (let place = 0; place < seen.length; place += 3) {
    const luma = 0.299 * expected[place]! + 0.587 * expected[place + 1]! + 0.114 * expected[place + 2]!;
    expect(Math.abs(seen[place]! - luma)).toBeLessThan(1);
    expect([seen[place + 1], seen[place + 2]]).toEqual([seen[place], seen[place]]);
  }
});

test("a page names the pictures and columns; a bad picture is replaced and named", async () => {
  const out = join(folder, "sheet.html");
  const outcome = await previewOf("--out", out, "--count", "9", "--versions", "1", "--augmentation", "color");
  expect(outcome.code).toBe(0);
  expect(outcome.output + outcome.error).toContain("broken.png");
  const page = await readFile(out, "utf8");
  expect(page.match(/data:image\/png/g)).toHaveLength(27);
  for (const text of [">tokenizer, epoch 1</div>", "colorJitter(0.4, 0.4, 0.2, 0.1) with 0.8", "000.png"])
    expect(page).toContain(text);
});

test("another file name is a usage error", async () => {
  const outcome = await previewOf("--out", "sheet.gif");
  expect(outcome.code).toBe(2);
  expect(outcome.error).toContain('--out: got "sheet.gif", expected a file name that ends in .png or .html.');
});
