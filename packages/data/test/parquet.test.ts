import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parquetDataset } from "@splitmask/data";
import { type ColumnSource, parquetWriteBuffer } from "hyparquet-writer";
import { gradient, scratchFolder, write } from "./pictures.js";

const folder = scratchFolder();
const width = (index: number) => 4 + (index % 5);
let pictures: Uint8Array[];

beforeAll(async () => {
  pictures = await Promise.all(
    Array.from(
      { length: 30 },
      async (_, index) => new Uint8Array(await gradient(width(index), 3, index).png().toBuffer()),
    ),
  );
});

const structSchema = [
  { name: "root", num_children: 2 },
  { name: "image", num_children: 2, repetition_type: "OPTIONAL" as const },
  { name: "bytes", type: "BYTE_ARRAY" as const, repetition_type: "OPTIONAL" as const },
  {
    name: "path",
    type: "BYTE_ARRAY" as const,
    converted_type: "UTF8" as const,
    repetition_type: "OPTIONAL" as const,
  },
  { name: "label", type: "INT64" as const, repetition_type: "OPTIONAL" as const },
];

/** A file as the hub has it: rows `first` … `first + count − 1`. */
function writeHubFile(
  name: string,
  first: number,
  count: number,
  options: Partial<ColumnSource> = {},
): string {
  const rows = Array.from({ length: count }, (_, row) => first + row);
  const features = {
    image: { _type: "Image" },
    label: { names: ["ant", "bee", "cat"], _type: "ClassLabel" },
  };
  const buffer = parquetWriteBuffer({
    schema: structSchema,
    columnData: [
      { name: "image", data: rows.map((row) => ({ bytes: pictures[row]!, path: `${row}.png` })), ...options },
      { name: "label", data: rows.map((row) => BigInt(row % 3)) },
    ],
    rowGroupSize: 4,
    pageSize: 300,
    kvMetadata: [{ key: "huggingface", value: JSON.stringify({ info: { features } }) }],
  });
  return write(join(folder, name), new Uint8Array(buffer));
}

describe("parquetDataset", () => {
  test("several files as on the hub: every picture, label, name and group", async () => {
    const files = [
      writeHubFile("train-00000-of-00002.parquet", 0, 18, { encoding: "PLAIN" }),
      writeHubFile("train-00001-of-00002.parquet", 18, 12),
    ];
    const dataset = await parquetDataset(files, { cacheBytes: 1000 });
    expect(dataset.length).toBe(30);
    expect(dataset.classes).toEqual(["ant", "bee", "cat"]);
    expect([...dataset.groups]).toEqual([0, 4, 8, 12, 16, 18, 22, 26]);
    for (const index of [29, 0, 17, 18, 5, 4, 3, 29]) {
      const picture = await dataset.image(index);
      expect(picture.shape).toEqual([3, width(index), 3]);
      expect(picture.data[2]).toBe((index * 37) % 256);
      expect(dataset.label(index)).toBe(index % 3);
      expect(await dataset.size(index)).toEqual({ height: 3, width: width(index) });
    }
    expect(dataset.path(19)).toBe(`${files[1]}#1`);
    const print = await dataset.fingerprint();
    expect(print).toMatch(/^[0-9a-f]{32}$/);
    writeFileSync(files[1]!, readFileSync(files[1]!).subarray());
    expect(await dataset.fingerprint()).not.toBe(print);
    await dataset.close();
  });

  test("a column of bytes, names as labels, nulls, a dictionary", async () => {
    const rows = Array.from({ length: 12 }, (_, row) => row);
    const buffer = parquetWriteBuffer({
      columnData: [
        { name: "jpg", data: rows.map((row) => (row === 5 ? null : pictures[row % 2]!)), type: "BYTE_ARRAY" },
        { name: "cls", data: rows.map((row) => ["owl", "fox"][row % 2]!), type: "STRING" },
      ],
    });
    const path = write(join(folder, "bytes.parquet"), new Uint8Array(buffer));
    const dataset = await parquetDataset(path);
    expect(dataset.classes).toEqual(["fox", "owl"]);
    expect([dataset.label(0), dataset.label(1)]).toEqual([1, 0]);
    expect((await dataset.image(6)).shape).toEqual([3, width(0), 3]);
    expect((await dataset.image(11)).shape).toEqual([3, width(1), 3]);
    await expect(dataset.image(5)).rejects.toThrow(`${path}#5: it has no bytes in the file, at most a path`);
    const renamed = await parquetDataset(path, { classes: ["elk", "owl", "fox"] });
    expect([renamed.label(0), renamed.label(1)]).toEqual([1, 2]);
    await expect(parquetDataset(path, { classes: ["owl"] })).rejects.toThrow(
      `parquetDataset: ${path} holds pictures of the class fox, but the classes are owl.`,
    );
    const bare = await parquetDataset(path, { label: null });
    expect([bare.classes, bare.label(3)]).toEqual([[], -1]);
  });

  test.each(["UNCOMPRESSED", "SNAPPY"] as const)("pages packed with %s", async (codec) => {
    const dataset = await parquetDataset(writeHubFile(`${codec}.parquet`, 3, 9, { codec }));
    expect((await dataset.image(8)).data[2]).toBe((11 * 37) % 256);
    await dataset.close();
  });

  test.each(["snappy", "none", "gzip", "zstd", "brotli", "lz4", "deltas"])(
    "files that pyarrow wrote: %s",
    async (name) => {
      const dataset = await parquetDataset(
        fileURLToPath(new URL(`fixtures/parquet/${name}.parquet`, import.meta.url)),
      );
      expect([dataset.length, [...dataset.groups]]).toEqual([40, [0, 16, 32]]);
      expect(dataset.classes).toEqual(["ant", "bee", "cat", "dog"]);
      for (let row = 0; row < 40; row++) {
        expect(dataset.label(row)).toBe(row === 9 ? -1 : row % 4);
        if (row === 7) continue;
        const picture = await dataset.image(row);
        expect([picture.shape, [...picture.data.subarray(0, 3)]]).toEqual([
          [5 + (row % 3), 4 + (row % 7), 3],
          [row, 2 * row, 3 * row],
        ]);
      }
      await expect(dataset.image(7)).rejects.toThrow("it has no bytes in the file");
      await dataset.close();
    },
  );

  test("what is wrong with a file", async () => {
    const good = readFileSync(writeHubFile("good.parquet", 0, 10));
    const short = write(join(folder, "short.parquet"), good.subarray(0, good.length - 9));
    await expect(parquetDataset(short)).rejects.toThrow(
      `parquetDataset: ${short} cannot be read: parquet file invalid (footer != PAR1). ` +
        "It is damaged, cut short or no Parquet file: get it anew.",
    );
    const tiny = write(join(folder, "tiny.parquet"), "PAR1");
    await expect(parquetDataset(tiny)).rejects.toThrow("it has 4 bytes, and a Parquet file at least 12");
    const other = write(
      join(folder, "other.parquet"),
      new Uint8Array(parquetWriteBuffer({ columnData: [{ name: "text", data: ["a", "b"] }] })),
    );
    await expect(parquetDataset(other)).rejects.toThrow(
      `parquetDataset: ${other} has the columns text; ` +
        'expected image with the bytes of pictures, or as a struct with "bytes". Name the column with image.',
    );
    await expect(parquetDataset(join(folder, "none.parquet"))).rejects.toThrow("there is no file");
  });

  test("damaged bytes anywhere are an error or another picture, soon", async () => {
    const good = readFileSync(writeHubFile("victim.parquet", 0, 12));
    let state = 12345;
    const random = (below: number) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const path = join(folder, "mutant.parquet");
    let failures = 0;
    for (let round = 0; round < 300; round++) {
      const bytes = Uint8Array.from(good);
      for (let change = 0; change <= random(4); change++)
        bytes[random(bytes.length)] = [0, 0xff, 0x7f, random(256)][random(4)]!;
      writeFileSync(path, bytes);
      try {
        const dataset = await parquetDataset(path);
        for (const index of [0, dataset.length - 1]) await dataset.image(index);
        await dataset.close();
      } catch (error) {
        failures++;
        expect((error as Error).message).toContain(path);
      }
    }
    expect(failures).toBeGreaterThan(30);
  });
});
