import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { cifarDataset, idxDataset, openDataset } from "@splitmask/data";
import { scratchFolder, write } from "./pictures.js";

const folder = scratchFolder();

/**
 * An IDX file by hand: two zero bytes, 8 for unsigned bytes, the number of axes, their lengths (big-endian), the
 * elements.
 */
function idx(shape: readonly number[], elements: ArrayLike<number>): Buffer {
  const header = Buffer.from([
    0,
    0,
    8,
    shape.length,
    ...shape.flatMap((length) => [0, 0, length >> 8, length & 255]),
  ]);
  return Buffer.concat([header, Uint8Array.from(elements)]);
}

const counted = (count: number) => Array.from({ length: count }, (_, place) => place % 256);

describe("idxDataset", () => {
  test("plain and gzipped, labels and classes beside the pictures", async () => {
    write(join(folder, "mnist/train-images-idx3-ubyte"), idx([3, 2, 4], counted(24)));
    write(join(folder, "mnist/train-labels-idx1-ubyte.gz"), gzipSync(idx([3], [1, 0, 1])));
    write(join(folder, "mnist/t10k-images-idx3-ubyte.gz"), gzipSync(idx([2, 2, 4], counted(16))));
    write(join(folder, "mnist/classes.txt"), "shirt\nshoe\n");
    const train = await idxDataset(join(folder, "mnist/train-images-idx3-ubyte"));
    expect([train.length, train.channels, train.classes]).toEqual([3, 3, ["shirt", "shoe"]]);
    expect([0, 1, 2].map((index) => train.label(index))).toEqual([1, 0, 1]);
    const spread = await train.image(1);
    expect(spread.shape).toEqual([2, 4, 3]);
    expect([...spread.data]).toEqual(
      counted(24)
        .slice(8, 16)
        .flatMap((value) => [value, value, value]),
    );
    expect(await train.size(2)).toEqual({ height: 2, width: 4 });
    expect(train.path(2)).toBe(`${join(folder, "mnist/train-images-idx3-ubyte")}#2`);
    const test = await idxDataset(join(folder, "mnist/t10k-images-idx3-ubyte.gz"), { channels: 1 });
    expect([test.length, test.channels, test.classes, test.label(0)]).toEqual([2, 1, [], -1]);
    const grey = await test.image(1);
    expect([grey.shape, [...grey.data]]).toEqual([[2, 4, 1], counted(16).slice(8)]);
    await train.close();
  });

  test("pictures in color", async () => {
    const path = write(join(folder, "colour-idx4-ubyte"), idx([2, 1, 2, 3], counted(12)));
    const dataset = await idxDataset(path, { channels: 1 });
    expect(dataset.channels).toBe(3);
    expect([...(await dataset.image(1)).data]).toEqual([6, 7, 8, 9, 10, 11]);
  });

  test("what is wrong with a file", async () => {
    const bad = (bytes: Uint8Array) => idxDataset(write(join(folder, "bad-idx3-ubyte"), bytes));
    await expect(bad(Buffer.from("no such thing"))).rejects.toThrow(
      "is not an IDX file; expected two zero bytes",
    );
    await expect(bad(new Uint8Array(0))).rejects.toThrow("is not an IDX file");
    await expect(bad(Uint8Array.of(0, 0, 13, 1, 0, 0, 0, 1, 0, 0, 0, 0))).rejects.toThrow(
      "is an IDX file of type 0x0d; expected 0x08, unsigned bytes.",
    );
    await expect(bad(idx([3, 2, 4], counted(23)))).rejects.toThrow(
      "says that it holds 3×2×4 bytes, so 40 with its header, but the file has 39. " +
        "It is cut short or damaged: get it anew.",
    );
    await expect(bad(gzipSync(Uint8Array.of(0, 0, 8, 2, 127, 0, 0, 0, 127, 0, 0, 0, 1, 1)))).rejects.toThrow(
      "gzipped bytes cannot hold so many",
    );
    await expect(bad(gzipSync(idx([3, 2, 4], counted(20))))).rejects.toThrow("but it holds 36");
    await expect(bad(gzipSync(idx([3, 2, 4], counted(30))))).rejects.toThrow("but it holds more");
    await expect(bad(gzipSync(idx([3, 2, 4], counted(24))).subarray(0, 40))).rejects.toThrow(
      "cannot be unpacked",
    );
    await expect(bad(gzipSync(Uint8Array.of(0, 0)))).rejects.toThrow("is not an IDX file");
    await expect(bad(idx([8], counted(8)))).rejects.toThrow(
      "holds an array of 8; expected pictures of N×H×W",
    );
    const labels = write(join(folder, "two-idx1-ubyte"), idx([2], [0, 9]));
    const images = write(join(folder, "three-idx3-ubyte"), idx([3, 1, 1], counted(3)));
    await expect(idxDataset(images, { labels })).rejects.toThrow(
      `idxDataset: ${labels} holds an array of 2, and ${images} 3 pictures; expected one label a picture.`,
    );
    write(labels, idx([3], [0, 9, 0]));
    await expect(idxDataset(images, { labels, classes: ["a", "b"] })).rejects.toThrow(
      `idxDataset: ${labels} holds pictures of the class 9, but the classes are a, b.`,
    );
    await expect(idxDataset(join(folder, "none"))).rejects.toThrow("there is no file");
    const dataset = await idxDataset(images);
    writeFileSync(images, idx([3, 1, 1], [1]));
    await expect(dataset.image(2)).rejects.toThrow(
      `${images}#2: ${images} ends at byte 18; expected 1 bytes from 18 on.`,
    );
  });
});

/** CIFAR pixels: all of red, then green, then blue. */
const planes = (first: number) =>
  [0, 1, 2].flatMap((channel) =>
    Array.from({ length: 1024 }, (_, place) => (first + 50 * channel + (place % 32)) % 256),
  );

/** A pickle of protocol 2 as Python 2 wrote CIFAR's: instructions in Latin-1. */
const pickle = (code: readonly string[]) => Buffer.from(`\x80\x02${code.join("")}.`, "latin1");
const text = (value: string) => `U${String.fromCharCode(value.length)}${value}`;
const list = (items: readonly string[]) => `](${items.join("")}e`;
const number = (value: number) => `M${String.fromCharCode(value & 255, value >> 8)}`;

/** A batch: the labels, and numpy's array of rows of 3,072 bytes. */
function pickledBatch(key: string, labels: readonly number[], pixels: readonly number[]): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(pixels.length);
  const bytes = `T${length.toString("latin1")}${Buffer.from(pixels).toString("latin1")}`;
  const made = `cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nK\x00\x85${text("b")}\x87R`;
  const type =
    "cnumpy\ndtype\n" +
    `${text("u1")}K\x00K\x01\x87R(K\x03${text("|")}NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb`;
  const array = `${made}(K\x01${number(labels.length)}${number(3072)}\x86${type}\x89${bytes}tb`;
  const entries = [
    text("batch_label"),
    text("training batch 1 of 5"),
    text(key),
    list(labels.map(number)),
    text("data"),
    array,
  ];
  return pickle(["}q\x00(", ...entries, "u"]);
}

describe("cifarDataset", () => {
  test("CIFAR-10: records over several files, names of classes", async () => {
    const root = join(folder, "cifar-10-batches-bin");
    write(join(root, "data_batch_1.bin"), Uint8Array.from([3, ...planes(0), 9, ...planes(7)]));
    write(join(root, "data_batch_2.bin"), Uint8Array.from([0, ...planes(20)]));
    write(join(root, "test_batch.bin"), Uint8Array.from([5, ...planes(1)]));
    write(
      join(root, "batches.meta.txt"),
      "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n",
    );
    const dataset = await cifarDataset(root);
    expect([
      dataset.length,
      dataset.classes[9],
      dataset.label(0),
      dataset.label(1),
      dataset.label(2),
    ]).toEqual([3, "truck", 3, 9, 0]);
    const picture = await dataset.image(1);
    expect([picture.shape, picture.get(5, 6, 0), picture.get(5, 6, 1), picture.get(31, 2, 2)]).toEqual([
      [32, 32, 3],
      13,
      63,
      109,
    ]);
    expect(dataset.path(2)).toBe(`${join(root, "data_batch_2.bin")}#0`);
    expect((await dataset.image(2)).get(0, 0, 0)).toBe(20);
    expect((await cifarDataset(root, { split: "test" })).label(0)).toBe(5);
    await dataset.close();
  });

  test("CIFAR-100: fine and coarse labels", async () => {
    const root = join(folder, "cifar-100-binary");
    write(join(root, "train.bin"), Uint8Array.from([19, 99, ...planes(4), 0, 1, ...planes(5)]));
    const fine = await cifarDataset(root);
    expect([fine.length, fine.classes.length, fine.label(0), fine.label(1)]).toEqual([2, 100, 99, 1]);
    expect((await fine.image(1)).get(0, 0, 0)).toBe(5);
    const coarse = await cifarDataset(join(root, "train.bin"), { labels: "coarse" });
    expect([coarse.classes.length, coarse.label(0)]).toEqual([20, 19]);
    expect(await coarse.fingerprint()).not.toBe(await fine.fingerprint());
  });

  test("the Python version: pickles of numpy's arrays, of which nothing is run", async () => {
    const root = join(folder, "cifar-10-batches-py");
    const [first, second] = [planes(0), planes(7)];
    write(join(root, "data_batch_1"), pickledBatch("labels", [3, 9], [...first, ...second]));
    write(join(root, "data_batch_2"), pickledBatch("labels", [0], planes(20)));
    write(join(root, "test_batch"), pickledBatch("labels", [5], planes(1)));
    const names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
    write(join(root, "batches.meta"), pickle(["}", text("label_names"), list(names.map(text)), "s"]));
    const dataset = await openDataset(root, { use: "training" });
    expect([dataset.length, dataset.classes]).toEqual([3, names]);
    expect([0, 1, 2].map((index) => dataset.label(index))).toEqual([3, 9, 0]);
    const picture = await dataset.image(1);
    expect([picture.get(5, 6, 0), picture.get(5, 6, 1), picture.get(31, 2, 2)]).toEqual([13, 63, 109]);
    expect((await dataset.image(2)).get(0, 0, 0)).toBe(20);
    expect(dataset.path(2)).toBe(`${join(root, "data_batch_2")}#0`);
    expect((await openDataset(root, { use: "test" })).label(0)).toBe(5);
    expect((await openDataset(join(root, "test_batch"))).length).toBe(1);
    await dataset.close?.();

    const hundred = join(folder, "cifar-100-python");
    write(join(hundred, "train"), pickledBatch("fine_labels", [99], planes(4)));
    write(join(hundred, "test"), pickledBatch("fine_labels", [1], planes(5)));
    const fine = list(Array.from({ length: 100 }, (_, label) => text(`class ${label}`)));
    write(join(hundred, "meta"), pickle(["}", text("fine_label_names"), fine, "s"]));
    const train = await openDataset(hundred, { use: "training" });
    expect([train.length, train.classes[train.label(0)]]).toEqual([1, "class 99"]);
    await expect(cifarDataset(hundred, { labels: "coarse" })).rejects.toThrow(
      "it has no list coarse_labels of numbers",
    );
  });

  test("a pickle that is damaged, or would run something", async () => {
    const path = join(folder, "damaged", "data_batch_1");
    const fails = async (content: Buffer) => {
      write(path, content);
      return cifarDataset(path).then(
        () => "none",
        (error: Error) => error.message,
      );
    };
    const good = pickledBatch("labels", [1], planes(0));
    for (const end of [0, 1, 20, 60, good.length - 1]) {
      expect(await fails(good.subarray(0, end))).toContain(`${path} cannot be read as a pickle of CIFAR's`);
    }
    expect(await fails(pickle(["cos\nsystem\n", text("echo"), "\x85R"]))).toContain("it holds no dictionary");
    expect(await fails(pickle(["}", text("labels"), list(["cos\nsystem\n"]), "s"]))).toContain(
      "it has no list labels of numbers",
    );
    expect(await fails(pickledBatch("labels", [1, 2], planes(0)))).toContain(
      "data has the shape 2×3072 and 3072 bytes, with 2 labels; expected 3072 bytes a label",
    );
    expect(await fails(pickledBatch("labels", [10], planes(0)))).toContain(
      `picture 0 of ${path} has the label 10; expected one below 10`,
    );
    expect(await fails(pickle(["Q"]))).toContain("it holds the instruction 0x51");
  });

  test("what is wrong with a file", async () => {
    const path = write(join(folder, "data_batch_9.bin"), Uint8Array.from([10, ...planes(0)]));
    await expect(cifarDataset(path)).rejects.toThrow(
      `cifarDataset: picture 0 of ${path} has the label 10; expected one below 10. ` +
        "The file is damaged or of another format.",
    );
    write(path, new Uint8Array(3000));
    await expect(cifarDataset(path)).rejects.toThrow(
      `${path} has 3000 bytes; expected records of 3073 (CIFAR-10).`,
    );
    const elsewhere = join(folder, "mnist");
    await expect(cifarDataset(elsewhere)).rejects.toThrow(
      `cifarDataset: ${elsewhere} holds no data_batch_1.bin or train.bin; expected what the binary or the ` +
        "Python version of CIFAR-10 or CIFAR-100 unpacks to (tar xzf cifar-10-binary.tar.gz).",
    );
  });
});
