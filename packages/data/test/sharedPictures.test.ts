import { join } from "node:path";
import {
  arrayDataset,
  concatenateDatasets,
  imageFolder,
  limitSkipped,
  openDataset,
  sharedPictures,
  subset,
} from "@splitmask/data";
import { parquetWriteBuffer } from "hyparquet-writer";
import ndarray from "ndarray";
import { create } from "tar";
import { gradient, scratchFolder, write } from "./pictures.js";

const folder = scratchFolder();
const names = ["0.png", "1.png", "2.png", "3.png"];

beforeAll(async () => {
  // Pictures of one size and of different bytes, so that sizes do not tell them apart.
  for (const [number, name] of names.entries())
    write(join(folder, "train", name), await gradient(4, 3, number).png({ compressionLevel: 0 }).toBuffer());
});

const train = () => imageFolder(join(folder, "train"));

test("the same files, also through subsets, limits and sums", async () => {
  const all = await train();
  const test = limitSkipped(concatenateDatasets([subset(all, [2, 3])]));
  const path = join(folder, "train", "2.png");
  expect(await sharedPictures(subset(all, [0, 1, 2]), test)).toEqual({
    ...{ count: 1, test: 2, train: 3 },
    example: { test: path, train: path },
  });
  expect(await sharedPictures(subset(all, [0, 1]), test)).toEqual({
    ...{ count: 0, test: 2, train: 2 },
    example: null,
  });
});

test("equal bytes in another folder, in tar shards and in Parquet", async () => {
  const all = await train();
  const bytes = await all.stored(1);
  const strange = await gradient(4, 3, 9).png({ compressionLevel: 0 }).toBuffer();
  const copied = write(join(folder, "copied", "x.png"), bytes);
  write(join(folder, "copied", "y.png"), strange);
  const shard = join(folder, "shard.tar");
  await create({ file: shard, cwd: join(folder, "copied") }, ["y.png", "x.png"]);
  const image = { name: "image", data: [bytes, new Uint8Array(strange)], type: "BYTE_ARRAY" as const };
  const parquet = join(folder, "test.parquet");
  write(parquet, new Uint8Array(parquetWriteBuffer({ columnData: [image] })));
  for (const [source, path] of [
    [join(folder, "copied"), copied],
    [shard, `${shard}/x.png`],
    [parquet, `${parquet}#0`],
  ] as const) {
    const other = await openDataset(source);
    const original = join(folder, "train", "1.png");
    const found = { count: 1, test: 2, train: 4, example: { test: path, train: original } };
    expect(await sharedPictures(all, other)).toEqual(found);
    const back = { count: 1, test: 4, train: 2, example: { test: original, train: path } };
    expect(await sharedPictures(other, all)).toEqual(back);
    await other.close?.();
  }
});

test("how much is looked at is bounded and told", async () => {
  const all = await train();
  for (const name of names) write(join(folder, "again", name), await all.stored(names.indexOf(name)));
  const again = await imageFolder(join(folder, "again"));
  expect(await sharedPictures(all, again)).toMatchObject({ count: 4, test: 4, train: 4 });
  expect(await sharedPictures(all, again, { mostPictures: 2 })).toMatchObject({
    count: 2,
    test: 2,
    train: 2,
  });
  const length = all.storedLength(0);
  expect(await sharedPictures(all, again, { mostBytes: 3 * length })).toMatchObject({ test: 3, train: 3 });
});

test("pictures without a stored form, and empty files, equal nothing", async () => {
  const grey = ndarray(new Uint8Array(2 * 12), [2, 2, 2, 3]);
  const named = (prefix: string) => arrayDataset(grey, { name: (index) => `${prefix} ${index}` });
  expect((await sharedPictures(named("a"), named("b"))).count).toBe(0);
  expect((await sharedPictures(named("a"), named("a"))).count).toBe(2);
  for (const name of ["p", "q"]) write(join(folder, name, "empty.png"), "");
  const [p, q] = [await imageFolder(join(folder, "p")), await imageFolder(join(folder, "q"))];
  expect((await sharedPictures(p, q)).count).toBe(0);
});
