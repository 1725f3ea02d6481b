import { appendFileSync, cpSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import {
  concatenateDatasets,
  type DatasetIdentity,
  identityDifference,
  imageFolder,
  imageList,
  limitSkipped,
  openDataset,
  subset,
} from "@splitmask/data";
import { scratchFolder, write } from "./pictures.js";

const root = scratchFolder();
let number = 0;

/** A folder of `count` files, which nobody decodes. */
function files(count: number): string {
  const folder = join(root, `files${number++}`);
  for (let index = 0; index < count; index++) {
    write(
      join(folder, index % 2 === 0 ? "even" : "odd", `${String(index).padStart(4, "0")}.png`),
      `picture ${index}`,
    );
  }
  return folder;
}

/** A copy elsewhere, with other times. */
function copyOf(folder: string): string {
  const copy = join(root, "elsewhere", `copy${number++}`, basename(folder));
  cpSync(folder, copy, { recursive: true });
  return copy;
}

const identityOf = async (path: string): Promise<DatasetIdentity> =>
  (await (
    await openDataset(path)
  ).identity!())!;
const differenceOf = async (before: DatasetIdentity, path: string) =>
  identityDifference(before, await identityOf(path));

test("a folder is the same wherever it lies and whenever it was written; what differs is named", async () => {
  const folder = files(40);
  const before = await identityOf(folder);
  expect(before).toMatchObject({ pictures: 40, content: { length: 40 }, files: { length: 40 } });
  const moved = copyOf(folder);
  utimesSync(join(moved, "even", "0000.png"), new Date(1000), new Date(1000));
  expect(await identityOf(moved)).toEqual(before);
  expect(JSON.parse(JSON.stringify(before))).toEqual(before);

  rmSync(join(moved, "even", "0004.png"));
  expect(await differenceOf(before, moved)).toBe(
    'there were 40 pictures and now are 39; missing: "even/0004.png"',
  );
  for (const name of ["a b", "c", "d\n", "e"]) writeFileSync(join(moved, "odd", `${name}.png`), name);
  expect(await differenceOf(before, moved)).toBe(
    'there were 40 pictures and now are 43; missing: "even/0004.png"; new: ' +
      '"odd/a b.png", "odd/c.png", "odd/d\\n.png" and 1 more',
  );
  const changed = copyOf(folder);
  writeFileSync(join(changed, "odd", "0007.png"), "pictura 7");
  expect(await differenceOf(before, changed)).toBe('changed: "odd/0007.png"');
  appendFileSync(join(changed, "odd", "0009.png"), "9");
  expect(await differenceOf(before, changed)).toBe('changed: "odd/0007.png", "odd/0009.png"');
  const renamed = copyOf(folder);
  renameSync(join(renamed, "odd"), join(renamed, "strange"));
  expect(await differenceOf(before, renamed)).toMatch(
    /^missing: "odd\/0001.png", .* and 17 more; new: "strange\/0001/,
  );
});

test("names that are not UTF-8 are looked at as others are", async () => {
  const folder = files(2);
  const strange = (place: string, byte: number) =>
    Buffer.concat([Buffer.from(join(place, "odd/")), Buffer.from([byte]), Buffer.from(".png")]);
  const moved = copyOf(folder);
  for (const place of [folder, moved]) writeFileSync(strange(place, 0xe9), "one");
  const before = await identityOf(folder);
  expect(await differenceOf(before, moved)).toBeNull();
  writeFileSync(strange(moved, 0xe9), "two");
  expect(await differenceOf(before, moved)).toBe('changed: "odd/\\udce9.png"');
  renameSync(strange(moved, 0xe9), strange(moved, 0xe8));
  expect(await differenceOf(before, moved)).toBe('missing: "odd/\\udce9.png"; new: "odd/\\udce8.png"');
});

test("of many files stretches are compared, and the content of 64", async () => {
  const folder = files(1500);
  const before = await identityOf(folder);
  expect([before.files.length, before.content.length]).toEqual([1024, 64]);
  const moved = copyOf(folder);
  expect(await differenceOf(before, moved)).toBeNull();
  appendFileSync(join(moved, "odd", "0901.png"), "9");
  expect(await differenceOf(before, moved)).toMatch(
    /^names or sizes differ, first among the [12] files from "odd\/0(899|901)\.png" on$/,
  );
  rmSync(join(moved, "odd", "0901.png"));
  expect(await differenceOf(before, moved)).toBe("there were 1500 pictures and now are 1499");
  const other = copyOf(folder);
  writeFileSync(join(other, "even", "0000.png"), "pictura 0");
  expect(await differenceOf(before, other)).toBe('changed: "even/0000.png"');
});

test("a list and a pattern are relative to the folder that all pictures lie in", async () => {
  const folder = files(6);
  const moved = copyOf(folder);
  const names = ["odd/0003.png", "even/0000.png"];
  const here = write(join(root, "here.txt"), names.map((name) => join(folder, name)).join("\n"));
  const there = write(join(moved, "there.txt"), names.join("\n"));
  const [before, now] = [await (await imageList(here)).identity(), await (await imageList(there)).identity()];
  expect(identityDifference(before, now)).toBeNull();
  const turned = write(
    join(root, "turned.txt"),
    names
      .reverse()
      .map((name) => join(folder, name))
      .join("\n"),
  );
  expect(identityDifference(before, await (await imageList(turned)).identity())).toBe(
    "the files are the same, but the pictures come in another order, are others of them, or are read otherwise",
  );
  expect(await differenceOf(await identityOf(`${folder}/**/*.png`), `${moved}/**/*.png`)).toBeNull();
});

test("containers: names and sizes of the files, and a sample of their content", async () => {
  const folder = join(root, "mnist");
  const header = (...numbers: number[]) =>
    Buffer.from(
      Uint32Array.from(numbers).map((value) => ((value & 255) << 24) | ((value >> 8) << 16)).buffer,
    );
  const pixels = Buffer.alloc(2000 * 28 * 28, 7);
  write(
    join(folder, "train-images-idx3-ubyte"),
    Buffer.concat([Buffer.from([0, 0, 8, 3]), header(2000, 28, 28), pixels]),
  );
  write(
    join(folder, "train-labels-idx1-ubyte"),
    Buffer.concat([Buffer.from([0, 0, 8, 1]), header(2000), Buffer.alloc(2000, 1)]),
  );
  const file = (place: string) => join(place, "train-images-idx3-ubyte");
  const before = await identityOf(file(folder));
  expect(before).toMatchObject({ pictures: 2000, files: { length: 2 } });
  const moved = copyOf(folder);
  expect(await differenceOf(before, file(moved))).toBeNull();
  const bytes = readFileSync(file(moved));
  bytes[bytes.length - 5]! ^= 1;
  writeFileSync(file(moved), bytes);
  expect(await differenceOf(before, file(moved))).toBe('changed: "train-images-idx3-ubyte"');
  const relabelled = copyOf(folder);
  const labels = join(relabelled, "train-labels-idx1-ubyte");
  writeFileSync(labels, readFileSync(labels).fill(0, 100, 101));
  expect(await differenceOf(before, file(relabelled))).toBe('changed: "train-labels-idx1-ubyte"');
});

test("subsets, concatenations and limits pass it on; labels are compared where they count", async () => {
  const folder = files(8);
  const [here, there] = [await imageFolder(folder), await imageFolder(copyOf(folder))];
  const identities = async (make: (dataset: typeof here) => { identity?: () => Promise<DatasetIdentity> }) =>
    Promise.all([here, there].map((dataset) => make(dataset).identity!()));
  for (const make of [
    (dataset: typeof here) => subset(dataset, [1, 4, 5]),
    (dataset: typeof here) => concatenateDatasets([dataset, subset(dataset, [2])]),
    (dataset: typeof here) => limitSkipped(dataset),
  ]) {
    const [before, now] = await identities(make);
    expect(now).toEqual(before);
  }
  const [some] = await identities((dataset) => subset(dataset, [1, 4, 5]));
  const [others] = await identities((dataset) => subset(dataset, [1, 4, 6]));
  expect(some!.pictures).toBe(3);
  expect(identityDifference(some!, others!)).toMatch(
    /^the files are the same, but the pictures come in another order/,
  );
  const plain = await here.identity();
  const turned = await (await imageFolder(folder, { classes: ["odd", "even"] })).identity();
  expect(identityDifference(plain, turned)).toBeNull();
  expect(identityDifference(plain, turned, true)).toBe(
    "the pictures are the same, but their classes or labels are others",
  );
});
