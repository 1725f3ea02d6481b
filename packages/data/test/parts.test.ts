import { join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { type DatasetUse, type ImageDataset, openDataset } from "@splitmask/data";
import { parquetWriteBuffer } from "hyparquet-writer";
import { plain, scratchFolder, write } from "./pictures.js";

const folder = scratchFolder();
let png: Buffer;
let rows: Uint8Array;

beforeAll(async () => {
  png = await plain(3, 2, "teal").png().toBuffer();
  const image = { name: "image", data: [new Uint8Array(png)], type: "BYTE_ARRAY" as const };
  rows = new Uint8Array(parquetWriteBuffer({ columnData: [image] }));
});

const uses: readonly DatasetUse[] = ["training", "test", "validation", "pretraining", "any"];

function pathsOf(dataset: ImageDataset, root: string): string[] {
  return Array.from({ length: dataset.length }, (_, index) =>
    relative(root, dataset.path(index)).replace(/#0$/, ""),
  );
}

/** What is taken of a folder for every use; a text: the error. */
async function taken(root: string): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const use of uses) {
    found[use] = await openDataset(root, { use }).then(
      (dataset) => pathsOf(dataset, root),
      (error: Error) => error.message,
    );
  }
  return found;
}

/** A folder with files of these names, each of one picture. */
function make(name: string, files: readonly string[]): string {
  for (const file of files) write(join(folder, name, file), file.endsWith(".parquet") ? rows : png);
  return join(folder, name);
}

describe("parts of a source", () => {
  test.each<[string, readonly string[], Record<"train" | "test" | "validation", readonly string[]>]>([
    [
      "files as on the hub",
      [
        "data/train-00000-of-00002.parquet",
        "data/train-00001-of-00002.parquet",
        "data/test-00000-of-00001.parquet",
      ],
      {
        train: ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"],
        test: ["data/test-00000-of-00001.parquet"],
        validation: [],
      },
    ],
    [
      "folders as the hub converts",
      ["default/train/0000.parquet", "default/validation/0000.parquet"],
      { train: ["default/train/0000.parquet"], test: [], validation: ["default/validation/0000.parquet"] },
    ],
    [
      "folders of class folders",
      ["train/ant/1.png", "val/ant/2.png", "test/bee/3.png", "notes/readme.txt"],
      { train: ["train/ant/1.png"], test: ["test/bee/3.png"], validation: ["val/ant/2.png"] },
    ],
    [
      "folders of pictures in one folder",
      ["images/train2017/1.png", "images/val2017/2.png"],
      { train: ["images/train2017/1.png"], test: [], validation: ["images/val2017/2.png"] },
    ],
    [
      "folders that are there twice",
      ["seg_train/seg_train/ant/1.png", "seg_test/seg_test/ant/2.png"],
      { train: ["seg_train/seg_train/ant/1.png"], test: ["seg_test/seg_test/ant/2.png"], validation: [] },
    ],
    [
      "capital letters",
      ["Training/ant/1.png", "Test/ant/2.png"],
      { train: ["Training/ant/1.png"], test: ["Test/ant/2.png"], validation: [] },
    ],
  ])("%s", async (name, files, { train, test, validation }) => {
    const root = make(name, files);
    const all = files.filter((file) => !file.endsWith(".txt"));
    expect(await taken(root)).toEqual({
      training: train,
      test: test.length > 0 ? test : validation,
      validation: validation.length > 0 ? validation : test,
      pretraining: train,
      any: expect.arrayContaining([...all]),
    });
    expect((await openDataset(root)).length).toBe(all.length);
    expect((await openDataset(root, { split: "all", use: "test" })).length).toBe(all.length);
    for (const split of ["train", "training"]) {
      expect(pathsOf(await openDataset(root, { split, use: "test" }), root)).toEqual(train);
    }
  });

  test("what was taken is told", async () => {
    const root = make("told", ["train/ant/1.png", "train/bee/2.png", "val/ant/3.png", "unlabelled/4.png"]);
    const note = async (options: Parameters<typeof openDataset>[1]) =>
      (await openDataset(root, options)).notes?.map(({ level, text }) => `${level}: ${text}`);
    expect(await note({ use: "training" })).toEqual([
      `info: ${root}: split train, 2 pictures (1 of 3 folders); also there: unlabelled, validation`,
    ]);
    expect(await note({ use: "pretraining" })).toEqual([
      `info: ${root}: splits train, unlabelled, 3 pictures (2 of 3 folders); also there: validation`,
    ]);
    expect(await note({})).toEqual([`info: ${root}: all splits, train, unlabelled, validation, 4 pictures`]);
    expect(await note({ split: "val" })).toEqual([
      `info: ${root}: split validation, 1 pictures (1 of 3 folders); also there: train, unlabelled`,
    ]);
    const only = make("only", ["train-00000-of-00001.parquet"]);
    expect((await openDataset(only, { use: "test" })).notes).toEqual([
      { level: "warning", text: `${only}: its only split is train, and it is taken to test with` },
    ]);
    expect((await openDataset(only, { use: "training" })).notes).toEqual([]);
  });

  test("configurations that each have their parts are all taken, with a warning", async () => {
    const files = [
      "small/train.parquet",
      "small/test.parquet",
      "large/train/0.parquet",
      "large/test/0.parquet",
    ];
    const root = make("configurations", files);
    const dataset = await openDataset(root, { use: "training" });
    expect(pathsOf(dataset, root)).toEqual(["large/train/0.parquet", "small/train.parquet"]);
    expect(dataset.notes?.at(-1)).toEqual({
      level: "warning",
      text:
        `${root}: large, small each have parts of their own, as the configurations of a data set do, ` +
        "and all of them are taken; for one alone give its folder",
    });
    expect((await openDataset(join(root, "small"), { use: "training" })).notes).toHaveLength(1);
  });

  test("train, val and test are no classes, but where they stand among others", async () => {
    const divided = make("divided", ["train/ant/1.png", "train/bee/2.png", "val/bee/3.png"]);
    expect((await openDataset(divided)).classes).toEqual(["ant", "bee"]);
    const pattern = await openDataset(join(divided, "**/*.png"));
    expect([pattern.length, pattern.classes]).toEqual([3, ["ant", "bee"]]);
    const flat = make("flat", ["train/1.png", "test/2.png"]);
    expect((await openDataset(flat)).classes).toEqual([]);
    const vehicles = make("vehicles", ["bus/1.png", "car/2.png", "train/3.png"]);
    const dataset = await openDataset(vehicles, { use: "training" });
    expect([dataset.classes, dataset.notes]).toEqual([["bus", "car", "train"], []]);
    const words = make("words", ["contest/1.png", "valley/2.png", "trainer/3.png"]);
    expect((await openDataset(words, { use: "test" })).classes).toEqual(["contest", "trainer", "valley"]);
  });

  test("a part that is missing", async () => {
    const root = make("missing", ["train/ant/1.png", "unlabelled/2.png"]);
    await expect(openDataset(root, { use: "test" })).rejects.toThrow(
      `openDataset: ${root} has the splits train, unlabelled, and none to test with. Choose one with split ` +
        "(--train-split, --test-split), or all.",
    );
    await expect(openDataset(root, { split: "test" })).rejects.toThrow(
      `openDataset: ${root} has no split test; there are train, unlabelled. Give another split, all, or none.`,
    );
    await expect(openDataset(join(root, "*/*.png"), { split: "test" })).rejects.toThrow(
      "openDataset: the split test was asked for, but",
    );
    const plainFolder = make("plain", ["ant/1.png"]);
    await expect(openDataset(plainFolder, { split: "test" })).rejects.toThrow(
      `${plainFolder} has no split test; no name in it speaks of one.`,
    );
  });

  test("MNIST as torchvision leaves it: packed and unpacked, in MNIST/raw", async () => {
    const idx = (count: number) =>
      Uint8Array.of(0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 1, 0, 0, 0, 1, ...new Uint8Array(count));
    for (const [name, count] of [
      ["train", 3],
      ["t10k", 2],
    ] as const) {
      write(join(folder, `torch/MNIST/raw/${name}-images-idx3-ubyte`), idx(count));
      write(join(folder, `torch/MNIST/raw/${name}-images-idx3-ubyte.gz`), gzipSync(idx(count)));
    }
    const lengths = await Promise.all(
      uses.map(async (use) => (await openDataset(join(folder, "torch"), { use })).length),
    );
    expect(lengths).toEqual([3, 2, 2, 3, 5]);
  });

  test("CIFAR in its own folder", async () => {
    for (const [name, records] of [
      ["data_batch_1", 2],
      ["data_batch_2", 1],
      ["test_batch", 1],
    ] as const)
      write(join(folder, `cifar/cifar-10-batches-bin/${name}.bin`), new Uint8Array(records * 3073));
    const lengths = await Promise.all(
      uses.map(async (use) => (await openDataset(join(folder, "cifar"), { use })).length),
    );
    expect(lengths).toEqual([3, 1, 1, 3, 4]);
  });
});
