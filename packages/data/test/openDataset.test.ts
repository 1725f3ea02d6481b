import { mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import {
  CifarDataset,
  CocoDataset,
  cocoDataset,
  IdxDataset,
  type ImageDataset,
  ImageFolder,
  imageFolder,
  imageGlob,
  imageList,
  openDataset,
  ParquetDataset,
  parquetDataset,
  readIndices,
  WebDataset,
  webDataset,
} from "@splitmask/data";
import { parquetWriteBuffer } from "hyparquet-writer";
import { create } from "tar";
import { plain, scratchFolder, write } from "./pictures.js";

const folder = scratchFolder();
let png: Buffer;

beforeAll(async () => {
  png = await plain(6, 4, "teal").png().toBuffer();
});

const strange = ["a b.png", "ünï – 図.png", "new\nline.png", "[1].png", "tab\there.png"];

describe("folders, patterns and lists", () => {
  test("names with spaces, Unicode and line ends", async () => {
    const root = join(folder, "strange");
    for (const name of strange) write(join(root, name), png);
    const dataset = await imageFolder(root);
    expect(Array.from({ length: dataset.length }, (_, index) => relative(root, dataset.path(index)))).toEqual(
      [...strange].sort(),
    );
    for (let index = 0; index < dataset.length; index++)
      expect((await dataset.image(index)).shape).toEqual([4, 6, 3]);
    const zeros = write(join(folder, "zeros.lst"), strange.map((name) => `strange/${name}\0`).join(""));
    const listed = await imageList(zeros);
    expect(listed.path(2)).toBe(join(root, "new\nline.png"));
    expect((await listed.image(2)).shape).toEqual([4, 6, 3]);
  });

  test("several roots: folders of the same name are one class", async () => {
    for (const path of ["photo/dog/1.png", "photo/cat/2.png", "sketch/dog/3.png", "sketch/notes.txt"])
      write(join(folder, "roots", path), png);
    const roots = [join(folder, "roots", "photo"), join(folder, "roots", "sketch")];
    const dataset = await imageFolder(roots);
    expect([dataset.classes, dataset.root, dataset.ignored]).toEqual([
      ["cat", "dog"],
      join(folder, "roots"),
      ["sketch/notes.txt"],
    ]);
    expect([0, 1, 2].map((index) => [relative(folder, dataset.path(index)), dataset.label(index)])).toEqual([
      ["roots/photo/cat/2.png", 0],
      ["roots/photo/dog/1.png", 1],
      ["roots/sketch/dog/3.png", 1],
    ]);
    expect((await openDataset(roots)).length).toBe(3);
    await expect(imageFolder([])).rejects.toThrow("imageFolder: no folder was given");
  });

  test("a fingerprint follows names, sizes and times", async () => {
    const root = join(folder, "prints");
    write(join(root, "1.png"), png);
    const before = await (await imageFolder(root)).fingerprint();
    expect(await (await imageFolder(root)).fingerprint()).toBe(before);
    expect(await (await imageFolder(root, { background: "black" })).fingerprint()).not.toBe(before);
    writeFileSync(join(root, "1.png"), Buffer.concat([png, png]));
    expect(await (await imageFolder(root)).fingerprint()).not.toBe(before);
  });

  test("patterns", async () => {
    for (const path of ["x/deep/1.png", "x/2.jpg", "y/3.png", "4.png", "y/.hidden.png", "y/5.txt"])
      write(join(folder, "glob", path), png);
    const found = async (pattern: string | string[]) => {
      const dataset = await imageGlob(pattern);
      return Array.from({ length: dataset.length }, (_, index) => [
        relative(join(folder, "glob"), dataset.path(index)),
        dataset.label(index),
      ]);
    };
    expect(await found(join(folder, "glob/**/*.png"))).toEqual([
      ["4.png", -1],
      ["x/deep/1.png", 0],
      ["y/3.png", 1],
    ]);
    expect(await found([join(folder, "glob/y/*"), join(folder, "glob/{x,y}/*.{jpg,png}")])).toEqual([
      ["x/2.jpg", 0],
      ["y/3.png", 1],
    ]);
    await expect(imageGlob(join(folder, "glob/*.tiff"))).rejects.toThrow(
      `imageGlob: no pictures fit ${join(folder, "glob/*.tiff")} (from`,
    );
    await expect(imageGlob(join(folder, "glob/**/*.png"), { classes: ["x"] })).rejects.toThrow(
      "holds pictures of the class y, but the classes are x",
    );
  });

  test("lists of paths", async () => {
    write(join(folder, "list/cat/1.png"), png);
    write(join(folder, "list/dog/ 2 .png"), png);
    const path = write(
      join(folder, "list/all.txt"),
      `\uFEFFdog/ 2 .png\r\n\r\n${join(folder, "list/cat/1.png")}\ncat/gone.png\n`,
    );
    const dataset = await imageList(path);
    expect([dataset.length, dataset.classes, dataset.label(1)]).toEqual([3, [], -1]);
    expect(dataset.path(0)).toBe(join(folder, "list/dog/ 2 .png"));
    expect((await dataset.image(1)).shape).toEqual([4, 6, 3]);
    await expect(dataset.image(2)).rejects.toThrow(
      `${join(folder, "list/cat/gone.png")}: the file is missing`,
    );
    const labelled = await imageList(path, { classFolders: true });
    expect([labelled.classes, labelled.label(0), labelled.label(1)]).toEqual([["cat", "dog"], 1, 0]);
    await expect(imageList(path, { classes: ["cat"] })).rejects.toThrow(
      "holds pictures of the class dog, but the classes are cat",
    );
    await expect(imageList(write(join(folder, "empty.txt"), "\n\n"))).rejects.toThrow(
      "holds no paths; expected one a line",
    );
    await expect(imageList(write(join(folder, "binary.txt"), png), { separator: "\n" })).rejects.toThrow(
      "which is no path; expected a text file",
    );
  });
});

/** Each picture's path in a folder, and its class. */
function entriesOf(dataset: ImageDataset, root: string): [string, string | null][] {
  return Array.from({ length: dataset.length }, (_, index) => [
    relative(root, dataset.path(index)),
    dataset.classes[dataset.label(index)] ?? null,
  ]);
}

describe("lists and tables with labels", () => {
  const root = join(folder, "labelled");
  const list = (name: string, text: string | Uint8Array) => write(join(root, name), text);

  beforeAll(() => {
    for (const name of ["n01/a b.png", "n01/1.png", "n02/2.png", "3.png 7", "4.png 5.png", "mask.png"])
      write(join(root, name), png);
  });

  test("labels behind paths, and names with spaces", async () => {
    const text =
      'n01/a b.png 2\r\nn01/1.png\t0\r\n"n02/2.png",1\r\n3.png 7\r\n4.png 5.png\r\n1.png mask.png\r\nmask.png \r\n';
    const dataset = await openDataset(list("caffe.txt", text));
    expect(entriesOf(dataset, root)).toEqual([
      ["n01/a b.png", "2"],
      ["n01/1.png", "0"],
      ["n02/2.png", "1"],
      ["3.png 7", null],
      ["4.png 5.png", null],
      ["1.png mask.png", null],
      ["mask.png", null],
    ]);
    expect((await dataset.image(0)).shape).toEqual([4, 6, 3]);
    const named = list("names.txt", "n01/1.png cafe\u0301\nn02/2.png red fox\nn01/a b.png caf\u00e9\n");
    expect(entriesOf(await openDataset(named), root).map(([, name]) => name)).toEqual([
      "caf\u00e9",
      "red fox",
      "caf\u00e9",
    ]);
    await expect(openDataset(named, { classes: ["red fox"] })).rejects.toThrow(
      `imageList: ${named} holds pictures of the class caf\u00e9, but the classes are red fox.`,
    );
    expect((await openDataset(named, { labelColumn: null })).classes).toEqual([]);
    const attributes = list("attributes.txt", "n01/1.png -1 1 1\n");
    expect(entriesOf(await openDataset(attributes), root)).toEqual([["n01/1.png", null]]);
    const mxnet = await openDataset(list("mxnet.lst", "0\t1.000000\tn01/1.png\n1\t0.0\tn02/2.png\n"));
    expect(entriesOf(mxnet, root)).toEqual([
      ["n01/1.png", "1"],
      ["n02/2.png", "0"],
    ]);
    // Names that are numbers, as those of the training folders.
    const digits = await openDataset(list("digits.txt", "n01/1.png 3\n"), { classes: ["1", "3"] });
    expect(digits.label(0)).toBe(1);
  });

  test("UTF-16, and a list whose paths start elsewhere", async () => {
    for (const [name, bytes] of [
      ["le.txt", Buffer.from("\ufeffn01/1.png dog\r\n", "utf16le")],
      ["be.txt", Buffer.from("\ufeffn01/1.png dog\r\n", "utf16le").swap16()],
    ] as const)
      expect(entriesOf(await openDataset(list(name, bytes)), root)).toEqual([["n01/1.png", "dog"]]);
    const elsewhere = list("lists/train.txt", "n01/1.png 0\n");
    expect(entriesOf(await openDataset(elsewhere, { images: root }), root)).toEqual([["n01/1.png", "0"]]);
  });

  test("tables: CSV with and without a header, TSV, JSON lines", async () => {
    const expected = [
      ["n01/a b.png", "red, brown"],
      ["n02/2.png", "owl"],
    ];
    for (const [name, text] of [
      ["labels.csv", '\ufeffpath,label\r\n"n01/a b.png","red, brown"\r\nn02/2.png,owl\r\n\r\n'],
      ["bare.csv", 'n01/a b.png,"red, brown"\nn02/2.png,owl\n'],
      ["id.csv", 'id;picture;Class\n1;n01/a b.png;"red, brown"\n2;n02/2.png;owl\n'],
      ["labels.tsv", "label\timage\nred, brown\tn01/a b.png\nowl\tn02/2.png\n"],
      ["header.txt", 'file_name,label\nn01/a b.png,"red, brown"\nn02/2.png,owl\n'],
      [
        "labels.jsonl",
        '{"file_name": "n01/a b.png", "label": "red, brown", "score": NaN}\n' +
          '{"file_name": "n02/2.png", "label": "owl"}\n',
      ],
    ] as const)
      expect(entriesOf(await openDataset(list(name, text)), root)).toEqual(expected);
    // As pandas writes labels of which one is missing.
    const floats = await openDataset(
      list("floats.csv", "path,label\nn01/1.png,10.0\nn02/2.png,9.0\n3.png,\n"),
    );
    expect(entriesOf(floats, root).map(([, label]) => label)).toEqual(["10", "9", null]);
    const bytes = Buffer.from("path,label\nf\xfcchse/\xe9.png,f\xfcchse\nn01/1.png,owl\n", "latin1");
    const latin = await openDataset(list("latin.csv", bytes));
    expect(entriesOf(latin, root)).toEqual([
      ["f\udcfcchse/\udce9.png", "f\\xfcchse"],
      ["n01/1.png", "owl"],
    ]);
    const columns = list("columns.csv", "left,right,fine,coarse\nn01/1.png,n02/2.png,3,0\n");
    const chosen = await openDataset(columns, { imageColumn: "right", labelColumn: "coarse" });
    expect(entriesOf(chosen, root)).toEqual([["n02/2.png", "0"]]);
    await expect(openDataset(columns, { labelColumn: "class" })).rejects.toThrow(
      `${columns}: there is no column class (labelColumn); there are left, right, fine, coarse.`,
    );
    await expect(openDataset(list("none.csv", "a,b\n1,2\n"))).rejects.toThrow(
      "no column of a, b holds paths of pictures, nor their names in the folders around it; expected file_name, or",
    );
    await expect(openDataset(list("broken.jsonl", '{"file_name": "a.png"}\n[\n'))).rejects.toThrow(
      "broken.jsonl: line 2 is no JSON object; expected one a line",
    );
  });

  test("tables of ids, of paths from Windows, and of pictures in another folder", async () => {
    const kaggle = join(folder, "kaggle");
    // "Test" has the same ids, and a folder is called as an id is.
    for (const name of ["train_images/1.png", "train_images/2.png", "test_images/1.png", "test_images/2.png"])
      write(join(kaggle, name), png);
    write(join(kaggle, "train_images/cafe\u0301.png"), png);
    mkdirSync(join(kaggle, "1"));
    const table = (name: string, text: string) => write(join(kaggle, name), text);
    const expected = [
      ["train_images/2.png", "owl"],
      ["train_images/1.png", "fox"],
    ];
    const train = await openDataset(table("train.csv", "target,id_code\nowl,2\nfox,1\n"));
    expect(entriesOf(train, kaggle)).toEqual(expected);
    expect(train.notes).toEqual([
      {
        level: "info",
        text: `the pictures of ${join(kaggle, "train.csv")} are taken from ${join(kaggle, "train_images")}`,
      },
    ]);
    for (const [name, text] of [
      ["windows.csv", "path,label\ntrain_images\\2.png,owl\ntrain_images\\1.png,fox\n"],
      ["ids.txt", "train_images/2\ntrain_images/1\n"],
      ["composed.csv", "file_name,label\ntrain_images/caf\u00e9.png,owl\n"],
    ] as const) {
      const listed = await openDataset(table(name, text));
      expect((await listed.image(0)).shape).toEqual([4, 6, 3]);
    }
    // A column of labels that is empty, as in the tables of tests, says that there are none; folders are not asked.
    const unlabelled = table("test.csv", "id,label\n1,\n2,\n");
    const test = await openDataset(unlabelled, { classes: ["fox", "owl"] });
    expect(entriesOf(test, kaggle)).toEqual([
      ["test_images/1.png", null],
      ["test_images/2.png", null],
    ]);
    // What is not there stays where it would be, and is not looked for by another name.
    const gone = await openDataset(table("train_gone.csv", "file_name,breed\n1.png,owl\n2.jpg,fox\n"));
    expect(entriesOf(gone, kaggle)).toEqual([
      ["train_images/1.png", null],
      ["train_images/2.jpg", null],
    ]);
    expect(gone.notes?.at(-1)?.text).toContain(
      "no column is called label, class, category or the like, so no labels are taken; " +
        "there are breed (--label-column)",
    );
  });

  test("a table beside pictures says their classes", async () => {
    const hub = join(folder, "hubFolder");
    for (const name of ["train/1.png", "train/2.png", "3.png"]) write(join(hub, name), png);
    const table = write(join(hub, "metadata.csv"), "file_name,label\ntrain/1.png,owl\n3.png,fox\n");
    const dataset = await openDataset(hub);
    expect(entriesOf(dataset, hub)).toEqual([
      ["3.png", "fox"],
      ["train/1.png", "owl"],
      ["train/2.png", null],
    ]);
    expect(dataset.notes).toEqual([
      { level: "warning", text: `labels are read from ${table}, of 2 of the 3 pictures` },
    ]);
    write(table, "file_name,text\n3.png,a fox on a log\n");
    expect((await openDataset(hub)).classes).toEqual(["train"]);
  });

  test("class names and indices behind a byte order mark", async () => {
    const classes = write(
      join(folder, "marked", "classes.txt"),
      Buffer.from("\ufeffcat\r\ndog\r\n", "utf16le"),
    );
    await writeShard(join(folder, "marked", "a.tar"), { "a.png": png, "a.cls": "1" });
    expect((await openDataset(join(folder, "marked", "a.tar"))).classes).toEqual(["cat", "dog"]);
    expect([...(await readIndices(write(classes, "\ufeff3\r\n5\r\n")))]).toEqual([3, 5]);
  });
});

/** An archive of some files. */
async function writeShard(file: string, files: Readonly<Record<string, Uint8Array | string>>): Promise<void> {
  const content = `${file}.content`;
  for (const [name, bytes] of Object.entries(files)) write(join(content, name), bytes);
  await create({ file, cwd: content }, Object.keys(files));
}

/** Shards `<name>-000.tar` … of one picture each. */
async function writeShards(name: string, count: number): Promise<void> {
  mkdirSync(join(folder, "shards"), { recursive: true });
  for (let number = 0; number < count; number++) {
    const content = join(folder, "content", `${number}.png`);
    write(content, png);
    const file = join(folder, "shards", `${name}-${String(number).padStart(3, "0")}.tar`);
    await create({ file, cwd: join(folder, "content") }, [`${number}.png`]);
  }
}

describe("openDataset", () => {
  test("pictures of every kind by their path", async () => {
    await writeShards("train", 3);
    await writeShards("val", 1);
    const shards = await openDataset(join(folder, "shards"));
    expect([shards instanceof WebDataset, shards.length]).toEqual([true, 4]);
    expect((await openDataset(join(folder, "shards"), { split: "val" })).length).toBe(1);
    expect((await openDataset(join(folder, "shards/train-{000..001}.tar"))).length).toBe(2);
    expect((await openDataset(join(folder, "shards/{train,val}-000.tar"))).length).toBe(2);
    expect((await openDataset(join(folder, "shards/*.tar"))).length).toBe(4);
    await expect(openDataset(join(folder, "shards/train-{000..003}.tar"))).rejects.toThrow("train-003.tar");
    await expect(openDataset(join(folder, "shards"), { split: "test" })).rejects.toThrow(
      `openDataset: ${join(folder, "shards")} has no split test; there are train, validation. Give another ` +
        "split, all, or none.",
    );

    const rows = new Uint8Array(
      parquetWriteBuffer({
        columnData: [{ name: "image", data: [new Uint8Array(png)], type: "BYTE_ARRAY" }],
      }),
    );
    for (const name of ["train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001"])
      write(join(folder, "hub/data", `${name}.parquet`), rows);
    const hub = await openDataset(join(folder, "hub"));
    expect([hub instanceof ParquetDataset, hub.length]).toEqual([true, 3]);
    expect((await openDataset(join(folder, "hub"), { split: "test" })).length).toBe(1);
    expect((await openDataset(join(folder, "hub/data/*.parquet"))).length).toBe(3);

    const header = (count: number) =>
      Uint8Array.of(0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 1, 0, 0, 0, 1, ...new Uint8Array(count));
    write(join(folder, "mnist/train-images-idx3-ubyte.gz"), gzipSync(header(2)));
    write(join(folder, "mnist/t10k-images-idx3-ubyte"), header(1));
    const mnist = await openDataset(join(folder, "mnist"), { use: "training" });
    expect([mnist instanceof IdxDataset, mnist.length, mnist.channels]).toEqual([true, 2, 3]);
    const test = await openDataset(join(folder, "mnist"), { split: "test", channels: 1 });
    expect([test.length, test.channels]).toEqual([1, 1]);

    write(join(folder, "cifar/data_batch_1.bin"), new Uint8Array(3073));
    const cifar = await openDataset(join(folder, "cifar"));
    expect([cifar instanceof CifarDataset, cifar.length]).toEqual([true, 1]);
    await expect(openDataset(join(folder, "cifar"), { split: "dev" })).rejects.toThrow(
      "has no split dev; there are train. Give another split, all, or none.",
    );

    write(join(folder, "coco/1.png"), png);
    const coco = await openDataset(
      write(join(folder, "coco/instances.json"), '{"images": [{"id": 1, "file_name": "1.png"}]}'),
    );
    expect([coco instanceof CocoDataset, coco.length]).toEqual([true, 1]);

    expect((await openDataset(write(join(folder, "coco/list.txt"), "1.png\n"))).length).toBe(1);
    expect((await openDataset(join(folder, "coco/*.png"))).length).toBe(1);
  });

  test("containers in a folder whose name is not UTF-8, and folders that cannot be looked into", async () => {
    const strangeFolder = Buffer.from(`${folder}/caf\xe9`, "latin1");
    mkdirSync(strangeFolder);
    await writeShard(join(folder, "one.tar"), { "a.png": png });
    renameSync(join(folder, "one.tar"), Buffer.concat([strangeFolder, Buffer.from("/one.tar")]));
    const shards = await openDataset(join(folder, "caf\udce9"));
    expect([shards.length, (await shards.image(0)).shape]).toEqual([1, [4, 6, 3]]);
    expect(readdirSync(strangeFolder)).toEqual(["one.tar", "one.tar.index"]);
    await shards.close?.();
    const ring = join(folder, "rings");
    mkdirSync(ring);
    symlinkSync("ring", join(ring, "ring"));
    await expect(openDataset(ring)).rejects.toThrow(
      `no pictures in ${ring} (1 folder searched; no other files either). Expected files that end in .jpg`,
    );
    await expect(openDataset(join(ring, "ring"))).rejects.toThrow(
      `openDataset: ${join(ring, "ring")} cannot be read (ELOOP). Check its permissions and links.`,
    );
  });

  test("a folder of pictures stays one, whatever lies beside them", async () => {
    write(join(folder, "mixed/a/1.png"), png);
    write(join(folder, "mixed/backup.tar"), "no archive");
    const dataset = await openDataset(join(folder, "mixed"));
    expect([dataset instanceof ImageFolder, dataset.length, dataset.classes]).toEqual([true, 1, ["a"]]);
    expect((await openDataset(join(folder, "mixed"), { split: "a" })).classes).toEqual([]);
    write(join(folder, "parts/train/a/1.png"), png);
    for (const path of ["backup.tar", "train/backup.parquet"])
      write(join(folder, "parts", path), "no archive");
    symlinkSync("loop", join(folder, "parts/loop"));
    const parts = await openDataset(join(folder, "parts"));
    expect([parts instanceof ImageFolder, parts.length, parts.classes]).toEqual([true, 1, ["a"]]);
  });

  test("archives beside what was unpacked from them, and tables beside shards and pictures", async () => {
    const root = join(folder, "torchvision");
    write(join(root, "cifar-10-binary.tar.gz"), "?");
    await expect(openDataset(root)).rejects.toThrow(
      `openDataset: ${join(root, "cifar-10-binary.tar.gz")} is CIFAR's archive; unpack it with tar xzf`,
    );
    write(join(root, "cifar-10-batches-bin/data_batch_1.bin"), new Uint8Array(3073));
    expect(await openDataset(root)).toBeInstanceOf(CifarDataset);
    const deep = join(folder, "deep");
    write(join(deep, "food-101.tar.gz"), "?");
    for (const name of ["pie", "soup"]) write(join(deep, "food-101/images", name, "1.png"), png);
    expect((await openDataset(deep)).classes).toEqual(["pie", "soup"]);

    const downloaded = join(folder, "img2dataset");
    mkdirSync(downloaded);
    await writeShard(join(folder, "00000.tar"), { "a.png": png });
    renameSync(join(folder, "00000.tar"), join(downloaded, "00000.tar"));
    write(join(downloaded, "00000.parquet"), "what is known of the pictures");
    expect(await openDataset(downloaded)).toBeInstanceOf(WebDataset);

    write(join(folder, "tabled/images/1.png"), png);
    write(join(folder, "tabled/labels.csv"), "id,label\n1,owl\n");
    const [note] = (await openDataset(join(folder, "tabled"))).notes ?? [];
    expect(note).toEqual({
      level: "info",
      text:
        `${join(folder, "tabled")}: tables are not read with a folder of pictures (labels.csv); ` +
        "of one that holds labels, give the path in place of the folder's",
    });
    const labelled = await openDataset(join(folder, "tabled/labels.csv"));
    expect(entriesOf(labelled, join(folder, "tabled"))).toEqual([["images/1.png", "owl"]]);
  });

  test("what has to be converted or unpacked first says how", async () => {
    for (const name of ["state.json", "dataset_info.json", "data-00000-of-00001.arrow"])
      write(join(folder, "saved/train", name), "{}");
    await expect(openDataset(join(folder, "saved/train"))).rejects.toThrow(
      "was written by save_to_disk of Hugging Face's datasets, which is not read. Make Parquet of it: mkdir " +
        'train-parquet && python -c "from datasets import load_from_disk as load; ' +
        `load('${join(folder, "saved/train")}').to_parquet('train-parquet/all.parquet')", and give the folder ` +
        "train-parquet.",
    );
    write(join(folder, "saved/dataset_dict.json"), "{}");
    await expect(openDataset(join(folder, "saved"))).rejects.toThrow(
      "[part.to_parquet('saved-parquet/%s.parquet'",
    );
    const archive = write(join(folder, "cifar-10-python.tar.gz"), "?");
    await expect(openDataset(archive)).rejects.toThrow(
      `${archive} is CIFAR's archive; unpack it with tar xzf ${archive}, and give the folder cifar-10-batches-py.`,
    );
  });

  test("what lies under the name of a container", async () => {
    const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
    for (const name of ["train.parquet", "00000.tar", "train-images-idx3-ubyte", "data_batch_1", "coco.json"])
      await expect(openDataset(write(join(folder, "mistaken", name), pointer))).rejects.toThrow(
        " By its first bytes it is a Git LFS pointer instead of the file (run: git lfs pull).",
      );
    const packed = write(join(folder, "mistaken/packed.tar"), gzipSync(new Uint8Array(1024)));
    await expect(openDataset(packed)).rejects.toThrow(" By its first bytes it is gzip data.");
    const page = write(join(folder, "mistaken/page.tar"), "<html><body>404</body></html>");
    await expect(openDataset(page)).rejects.toThrow(" By its first bytes it looks like an HTML page.");
  });

  test("single pictures, to look at", async () => {
    const first = write(join(folder, "singles [1]/b.png"), png);
    const second = write(join(folder, "singles [1]/a.png"), png);
    const one = await openDataset(first);
    expect([one.length, one.path(0), one.label(0), one.classes]).toEqual([1, first, -1, []]);
    expect((await one.image(0)).shape.length).toBe(3);
    const two = await openDataset([first, second]);
    expect([two.path(0), two.path(1), two.root]).toEqual([first, second, join(folder, "singles [1]")]);
  });

  test("what cannot be opened", async () => {
    const none = join(folder, "none");
    await expect(openDataset(none)).rejects.toThrow(
      `openDataset: there is no folder ${none}, nor a file of that name. Check the path; ` +
        `a relative one starts at ${process.cwd()}. Expected a folder of pictures; a pattern such as`,
    );
    const picture = write(join(folder, "one.png"), png);
    await expect(openDataset(picture, { use: "pretraining" })).rejects.toThrow(
      `openDataset: ${picture} is one picture; give the folder that holds it. Expected`,
    );
    const odd = write(join(folder, "odd.xyz"), "?");
    await expect(openDataset(odd)).rejects.toThrow(
      `openDataset: ${odd} is of no format that is known. Expected`,
    );
    const packed = write(join(folder, "photos.tar.zst"), "?");
    await expect(openDataset(packed)).rejects.toThrow(
      `openDataset: ${packed} is tar.zst, which is not read: unpack them, for instance with unzstd in.tar.zst, ` +
        "and open the .tar files. Expected",
    );
    await expect(openDataset(odd, { format: "parquet" })).rejects.toThrow("cannot be read");
    await expect(openDataset([join(folder, "shards"), join(folder, "hub")])).rejects.toThrow(
      "expected paths of one format",
    );
    await expect(openDataset([])).rejects.toThrow(
      "openDataset: no path was given; expected a folder of pictures;",
    );
    mkdirSync(join(folder, "bare"));
    await expect(openDataset(join(folder, "bare"))).rejects.toThrow(
      `imageFolder: no pictures in ${join(folder, "bare")}`,
    );
  });
});

test("every source says how many channels the pictures have that it was asked for", async () => {
  const grey = join(folder, "grey");
  write(join(grey, "1.png"), png);
  await create({ file: join(folder, "grey.tar"), cwd: grey }, ["1.png"]);
  const columnData = [{ name: "image", data: [new Uint8Array(png)], type: "BYTE_ARRAY" as const }];
  write(join(folder, "grey.parquet"), Buffer.from(parquetWriteBuffer({ columnData })));
  write(join(folder, "grey.json"), JSON.stringify({ images: [{ id: 1, file_name: "grey/1.png" }] }));
  for (const opened of [
    imageFolder(grey, { channels: 1 }),
    cocoDataset(join(folder, "grey.json"), { channels: 1 }),
    webDataset(join(folder, "grey.tar"), { channels: 1 }),
    parquetDataset(join(folder, "grey.parquet"), { channels: 1 }),
  ]) {
    const dataset: ImageDataset = await opened;
    expect([dataset.channels, (await dataset.image(0)).shape]).toEqual([1, [4, 6, 1]]);
    await dataset.close?.();
  }
});
