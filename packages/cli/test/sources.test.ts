import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { callMain, lastLine, tinyModel } from "./command.js";
import { writePictures } from "./pictures.js";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "splitmask-sources-"));
  await writePictures(join(folder, "train"), 8);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** An IDX pair of 12 gray pictures of 9×9, bright on the left (label 1) or on the right. */
async function writeIdx(name: string): Promise<string> {
  const header = (...shape: number[]) => [
    0,
    0,
    8,
    shape.length,
    ...shape.flatMap((length) => [0, 0, 0, length]),
  ];
  const labels = Array.from({ length: 12 }, (_, number) => number % 2);
  const pixels = labels.flatMap((label) =>
    Array.from({ length: 81 }, (_, place) => (place % 9 < 4 === (label === 1) ? 220 : 30)),
  );
  await writeFile(join(folder, `${name}-labels-idx1-ubyte`), Uint8Array.from([...header(12), ...labels]));
  const path = join(folder, `${name}-images-idx3-ubyte`);
  await writeFile(path, Uint8Array.from([...header(12, 9, 9), ...pixels]));
  return path;
}

test("a pattern to train on, a list to report on, shards to embed, IDX files to evaluate", async () => {
  const run = join(folder, "run");
  const small = [...tinyModel, "--depth", "1", "--vocabulary", "32", "--batch", "8", "--steps", "2"];
  const pattern = join(folder, "train", "**", "*.png");
  const trained = await callMain(["pretrain", pattern, "--out", run, ...small, "--json"]);
  expect(trained.error).toContain("16 pictures");
  expect(trained.code).toBe(0);

  await writeFile(join(folder, "some.txt"), "train/across/000.png\ntrain/down/001.png\n");
  const page = join(folder, "some.html");
  const reported = await callMain(["report", run, "--pictures", join(folder, "some.txt"), "--out", page]);
  expect([reported.code, await readFile(page, "utf8")]).toEqual([
    0,
    expect.stringContaining("train/down/001.png"),
  ]);

  const shard = join(folder, "shard-000.tar");
  execFileSync("tar", ["-cf", shard, "-C", join(folder, "train", "down"), "002.png", "003.png", "004.png"]);
  const features = join(folder, "features.npy");
  const embedded = await callMain([
    "embed",
    run,
    join(folder, "shard-{000..000}.tar"),
    "--out",
    features,
    "--json",
  ]);
  expect(lastLine(embedded)).toMatchObject({ root: folder, count: 3, skipped: 0 });
  expect(await readFile(join(folder, "features.jsonl"), "utf8")).toContain('"path":"shard-000.tar/003.png"');
  expect(existsSync(`${shard}.index`)).toBe(true);

  // A COCO file whose pictures lie elsewhere, and a folder with names that are not UTF-8 and what systems leave there.
  const coco = join(folder, "coco", "instances.json");
  await mkdir(join(folder, "coco"));
  await writeFile(
    coco,
    '{"images": [{"id": "1", "file_name": "across/001.png"}], "annotations": [{"image_id": NaN}]}',
  );
  const images = join(folder, "train");
  const fromCoco = await callMain(["embed", run, coco, "--images", images, "--out", features, "--json"]);
  expect(lastLine(fromCoco)).toMatchObject({ count: 1, skipped: 0 });
  const bytes = join(folder, "bytes");
  await mkdir(join(bytes, "@eaDir"), { recursive: true });
  for (const name of ["caf\xe9.png", "@eaDir/1.png", "a.heic"])
    await writeFile(
      Buffer.from(join(bytes, name), "latin1"),
      await readFile(join(images, "down", "000.png")),
    );
  const strange = await callMain(["embed", run, bytes, "--out", features]);
  expect(strange.output).toContain("left out 1 hidden or system file or folder, e.g. @eaDir\n");
  expect(strange.error).toContain("not decoded: HEIC: 1 file, e.g. a.heic; convert them, for instance with");
  const line = JSON.parse(await readFile(join(folder, "features.jsonl"), "utf8")) as { path: string };
  expect(line.path).toBe("caf\udce9.png");
  const predictions = join(folder, "predictions.csv");
  const predicted = await callMain(["predict", run, bytes, "--train", images, "--out", predictions]);
  expect([predicted.code, await readFile(predictions, "utf8")]).toEqual([
    0,
    expect.stringMatching(/^path,label,probability\r\ncaf\\xe9\.png,(across|down),/),
  ]);

  const [train, evaluated] = [await writeIdx("train"), await writeIdx("t10k")];
  const knn = await callMain(["knn", run, "--train", train, "--test", evaluated, "--k", "3", "--json"]);
  expect(lastLine(knn)).toMatchObject({ accuracy: 1, train: 12, test: 12, classes: ["0", "1"] });
});
