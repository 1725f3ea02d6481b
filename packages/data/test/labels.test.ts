import { join } from "node:path";
import { concatenateDatasets, type ImageDataset, openDataset, parquetDataset } from "@splitmask/data";
import { type ColumnSource, parquetWriteBuffer } from "hyparquet-writer";
import { create } from "tar";
import { plain, scratchFolder, write } from "./pictures.js";

const folder = scratchFolder();
const wanted = ["ant", "bee", "cat"];
let png: Buffer;

beforeAll(async () => {
  png = await plain(3, 2, "teal").png().toBuffer();
});

/** The names of all labels; "–" without one. */
function namesOf(dataset: ImageDataset): string[] {
  return Array.from({ length: dataset.length }, (_, index) => dataset.classes[dataset.label(index)] ?? "–");
}

function parquet(
  path: string,
  columns: readonly ColumnSource[],
  classLabels: Readonly<Record<string, readonly string[]>> = {},
): string {
  const features = Object.entries(classLabels).map(([column, names]) => [
    column,
    { _type: "ClassLabel", names },
  ]);
  const rows = columns[0]!.data.length;
  const buffer = parquetWriteBuffer({
    columnData: [
      { name: "image", data: Array(rows).fill(new Uint8Array(png)), type: "BYTE_ARRAY" },
      ...columns,
    ],
    kvMetadata: [
      { key: "huggingface", value: JSON.stringify({ info: { features: Object.fromEntries(features) } }) },
    ],
  });
  return write(join(folder, path), new Uint8Array(buffer));
}

const labelColumn = (labels: readonly number[]): ColumnSource => ({
  name: "label",
  data: [...labels],
  type: "INT32",
});

/**
 * Sources of pictures of a cat, an ant, a bee and an ant, each with its own order of the names; null: numbers only, in
 * the order of `wanted`.
 */
const sources: Readonly<Record<string, (path: string, names: readonly string[] | null) => Promise<string>>> =
  {
    async parquet(path, names) {
      const column = labelColumn(numbersOf(names));
      return parquet(`${path}.parquet`, [column], names === null ? {} : { label: names });
    },
    async idx(path, names) {
      if (names !== null) write(join(folder, path, "classes.txt"), `${names.join("\n")}\n`);
      const header = (type: number, ...shape: number[]) => [
        0,
        0,
        8,
        type,
        ...shape.flatMap((n) => [0, 0, 0, n]),
      ];
      write(join(folder, path, "x-labels-idx1-ubyte"), Uint8Array.of(...header(1, 4), ...numbersOf(names)));
      return write(
        join(folder, path, "x-images-idx3-ubyte"),
        Uint8Array.of(...header(3, 4, 1, 1), 1, 2, 3, 4),
      );
    },
    async shards(path, names) {
      if (names !== null) write(join(folder, path, "classes.txt"), names.join("\r\n"));
      for (const [number, label] of numbersOf(names).entries()) {
        write(join(folder, path, `${number}.png`), png);
        write(join(folder, path, `${number}.cls`), String(label));
      }
      const file = join(folder, path, "0.tar");
      await create(
        { file, cwd: join(folder, path) },
        [0, 1, 2, 3].flatMap((n) => [`${n}.png`, `${n}.cls`]),
      );
      return file;
    },
    async cifar(path, names) {
      const all = [...(names ?? []), "dog", "elk", "fox", "gnu", "hen", "ibis", "jay"];
      if (names !== null) write(join(folder, path, "batches.meta.txt"), all.join("\n"));
      const records = numbersOf(names).flatMap((label) => [label, ...Array<number>(3072).fill(0)]);
      return write(join(folder, path, "data_batch_1.bin"), Uint8Array.from(records));
    },
  };

const animals = ["cat", "ant", "bee", "ant"];
const numbersOf = (names: readonly string[] | null) => animals.map((name) => (names ?? wanted).indexOf(name));

describe.each(Object.keys(sources))("labels of %s", (kind) => {
  const open = async (path: string, names: readonly string[] | null) =>
    openDataset(await sources[kind]!(`${kind}/${path}`, names), { classes: wanted });

  test("are matched with the wanted classes by name, whatever their own order", async () => {
    const dataset = await open("other", ["cat", "ant", "bee"]);
    expect([dataset.classes, namesOf(dataset), dataset.notes]).toEqual([wanted, animals, []]);
    await dataset.close?.();
  });

  test("are matched by number where there are no names, which is told", async () => {
    const dataset = await open("numbers", null);
    expect([dataset.classes, namesOf(dataset)]).toEqual([wanted, animals]);
    expect(dataset.notes).toEqual([
      {
        level: "warning",
        text: expect.stringContaining(
          "classes are matched by number, because one side has no names: 0 as ant, 1 as bee, 2 as cat. Check that",
        ),
      },
    ]);
    await dataset.close?.();
  });

  test("of a class that is not wanted are an error", async () => {
    await expect(open("strange", ["ant", "bee", "cat"].reverse()).then(namesOf)).resolves.toEqual(animals);
    const path = await sources[kind]!(`${kind}/strange`, ["cat", "ant", "bee"]);
    await expect(openDataset(path, { classes: ["ant", "cat", "owl"] })).rejects.toThrow(
      "holds pictures of the class bee, but the classes are ant, cat, owl.",
    );
  });
});

describe("several files of one source", () => {
  test("Parquet files with other orders, names of their own, and without names", async () => {
    const files = [
      parquet("several/0.parquet", [labelColumn([2, 0])], { label: ["ant", "bee", "cat"] }),
      parquet("several/1.parquet", [labelColumn([0, 1, -1])], { label: ["cat", "ant"] }),
      parquet("several/2.parquet", [{ name: "label", data: ["dog", "bee"], type: "STRING" }]),
      parquet("several/3.parquet", [labelColumn([1])]),
    ];
    const dataset = await parquetDataset(files);
    expect(dataset.classes).toEqual(["ant", "bee", "cat", "dog"]);
    expect(namesOf(dataset)).toEqual(["cat", "ant", "cat", "ant", "–", "dog", "bee", "bee"]);
    expect(dataset.notes).toEqual([
      { level: "warning", text: expect.stringContaining(`${files[3]}: classes are matched by number`) },
    ]);
    await dataset.close();
  });

  test("folders of shards, each with a classes.txt", async () => {
    const shards = [
      await sources.shards!("merged/a", ["ant", "bee", "cat"]),
      await sources.shards!("merged/b", ["cat", "ant", "bee"]),
    ];
    const dataset = await openDataset(shards);
    expect([dataset.classes, namesOf(dataset)]).toEqual([wanted, [...animals, ...animals]]);
    await dataset.close?.();
  });
});

test("class folders: numbers against numbers, and letters that are written in two ways", async () => {
  for (const name of ["0", "2", "10"]) write(join(folder, "digits", name, "1.png"), png);
  const numbers = Array.from({ length: 11 }, (_, label) => String(label));
  const digits = await openDataset(join(folder, "digits"), { classes: numbers });
  expect([namesOf(digits), digits.notes]).toEqual([["0", "10", "2"], []]);
  const padded = await openDataset(join(folder, "digits"), { classes: ["00", "02", "10"] });
  expect([namesOf(padded), padded.notes]).toEqual([["00", "10", "02"], []]);

  for (const form of ["NFC", "NFD"]) write(join(folder, form, "é".normalize(form), "1.png"), png);
  const decomposed = await openDataset(join(folder, "NFD"), { classes: ["z", "é".normalize("NFC")] });
  expect(decomposed.label(0)).toBe(1);
  const both = await openDataset([join(folder, "NFC"), join(folder, "NFD")]);
  expect([both.classes, both.label(0), both.label(1)]).toEqual([["é".normalize("NFC")], 0, 0]);
  const parts = [await openDataset(join(folder, "NFC")), await openDataset(join(folder, "NFD"))];
  expect(concatenateDatasets(parts).classes).toHaveLength(1);
});

test("classes of the same name", async () => {
  const twice = ["crane", "crane", "ant"];
  const path = parquet("twice.parquet", [labelColumn([0, 1, 2])], { label: twice });
  const same = await parquetDataset(path, { classes: twice });
  expect([0, 1, 2].map((row) => same.label(row))).toEqual([0, 1, 2]);
  await expect(parquetDataset(path, { classes: ["ant", "crane", "crane"] })).rejects.toThrow(
    `parquetDataset: ${path}: several of the classes are called crane, so that labels cannot be matched by name.`,
  );
});

describe("the label column of Parquet files", () => {
  test("label goes before other class labels, and the others are told", async () => {
    const columns = [
      { name: "domain", data: [0, 1], type: "INT32" as const },
      labelColumn([1, 0]),
      { name: "mask", data: [new Uint8Array(png), new Uint8Array(png)], type: "BYTE_ARRAY" as const },
    ];
    const path = parquet("several-columns.parquet", columns, {
      domain: ["day", "night"],
      label: ["ant", "bee"],
    });
    const dataset = await parquetDataset(path);
    expect(namesOf(dataset)).toEqual(["bee", "ant"]);
    expect(dataset.notes).toEqual([
      {
        level: "info",
        text: `${path}: the labels are those of the column label; also there: domain (--label-column)`,
      },
    ]);
    expect(namesOf(await parquetDataset(path, { label: "domain" }))).toEqual(["day", "night"]);
    await expect(parquetDataset(path, { label: "colour" })).rejects.toThrow(
      "has no column colour of whole numbers, booleans or names. The columns are image, domain, label, mask. " +
        "Name another with label",
    );
  });

  test.each<[string, ColumnSource, readonly string[], readonly string[]]>([
    ["booleans", { name: "label", data: [true, false, null] }, ["false", "true"], ["true", "false", "–"]],
    [
      "doubles",
      { name: "label", data: [2, 0, Number.NaN], type: "DOUBLE" },
      ["0", "1", "2"],
      ["2", "0", "–"],
    ],
    ["floats", { name: "label", data: [1, 0, null], type: "FLOAT" }, ["0", "1"], ["1", "0", "–"]],
    ["64 bits", { name: "label", data: [1n, 0n, null], type: "INT64" }, ["0", "1"], ["1", "0", "–"]],
    [
      "names",
      { name: "label", data: ["owl", "", "ant"], type: "STRING" },
      ["ant", "owl"],
      ["owl", "–", "ant"],
    ],
  ])("%s are labels", async (name, column, classes, names) => {
    const dataset = await parquetDataset(parquet(`column ${name}.parquet`, [column]));
    expect([dataset.classes, namesOf(dataset), dataset.notes]).toEqual([classes, names, []]);
  });

  test.each<[string, ColumnSource, string]>([
    [
      "fractions",
      { name: "label", data: [0, 0.5], type: "DOUBLE" },
      "row 1 of row group 0 has the label 0.5",
    ],
    ["negative numbers", labelColumn([-2, 0]), "row 0 of row group 0 has the label -2"],
    ["times", labelColumn([1_700_000_000, 0]), "row 0 of row group 0 has the label 1700000000"],
  ])("%s are no labels: a note, or an error where they were asked for", async (name, column, reason) => {
    const path = parquet(`no labels ${name}.parquet`, [column]);
    const dataset = await parquetDataset(path);
    expect([dataset.classes, namesOf(dataset)]).toEqual([[], ["–", "–"]]);
    expect(dataset.notes).toEqual([
      { level: "warning", text: expect.stringMatching(`${reason}.*The pictures are taken without labels`) },
    ]);
    await expect(parquetDataset(path, { label: "label" })).rejects.toThrow(reason);
  });
});
