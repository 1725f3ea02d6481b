import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { clearShardFiles, listShardFiles, type WebDataset, webDataset } from "@splitmask/data";
import { create } from "tar";
import { requireRoom } from "../dist/sources/unpackShard.js";
import { gradient, scratchFolder, write } from "./pictures.js";

const folder = scratchFolder();

/** Packs files, by name, with node-tar. */
async function pack(
  path: string,
  files: Readonly<Record<string, Uint8Array | string>>,
  options = {},
): Promise<string> {
  const content = join(folder, `${basename(path)}.content`);
  for (const [name, bytes] of Object.entries(files)) write(join(content, name), bytes);
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  await create({ file: join(folder, path), cwd: content, ...options }, Object.keys(files));
  return join(folder, path);
}

const picture = async (number: number) =>
  new Uint8Array(
    await gradient(4 + number, 3, number)
      .png()
      .toBuffer(),
  );

/** An archive of files in ustar's plain headers, whose names may be any bytes. */
function rawTar(
  path: string,
  files: readonly (readonly [name: string | Buffer, content: Uint8Array | string])[],
) {
  const blocks = files.flatMap(([name, content]) => {
    const bytes = Buffer.from(content as Uint8Array);
    const header = Buffer.alloc(512);
    Buffer.from(name as Buffer).copy(header, 0);
    header.write("0000644\0", 100).toString();
    header.write(`${bytes.length.toString(8).padStart(11, "0")}\0`, 124);
    header.write("        0ustar\u000000", 148);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return [header, bytes, Buffer.alloc(-bytes.length & 511)];
  });
  return write(join(folder, path), Buffer.concat([...blocks, Buffer.alloc(1024)]));
}

/** What a data set holds: each picture's name in the shard, and its class. */
function entriesOf(dataset: WebDataset, shard: string): [string, string | null][] {
  return Array.from({ length: dataset.length }, (_, index) => [
    dataset.path(index).slice(shard.length + 1),
    dataset.classes[dataset.label(index)] ?? null,
  ]);
}

describe("names with several dots", () => {
  test("what stands behind a first dot may be a part of the name: each is a sample of its own", async () => {
    const names = [
      "Screenshot 2023-01-02 at 10.11.12.png",
      "Screenshot 2023-01-02 at 10.15.30.PNG",
      "./IMG 22.05.png",
      "v1.2/photo.edited.JPG",
      "St.Mary.png",
      "St.Peter.png",
      "2020.01.02_holiday.png",
      "2020.01.03_holiday.png",
    ];
    const shard = rawTar(
      "dotted.tar",
      await Promise.all(names.map(async (name, number) => [name, await picture(number)] as const)),
    );
    const dataset = await webDataset(shard);
    expect(entriesOf(dataset, shard)).toEqual(names.map((name) => [name, null]));
    expect((await dataset.image(4)).shape).toEqual([3, 8, 3]);
    expect(dataset.notes).toEqual([]);
    await dataset.close();
  });

  test("labels go by the whole name first, then by the sample's", async () => {
    const shard = rawTar("dottedLabels.tar", [
      ["at 10.11.12.cls", "owl"],
      ["at 10.11.12.png", await picture(1)],
      ["at 10.15.30.png", await picture(2)],
      ["clip.000.png", await picture(3)],
      ["clip.001.png", await picture(4)],
      ["clip.json", '\uFEFF{"label": "fox", "kind": "red", "score": NaN}'],
    ]);
    const dataset = await webDataset(shard);
    expect(entriesOf(dataset, shard)).toEqual([
      ["at 10.11.12.png", "owl"],
      ["at 10.15.30.png", null],
      ["clip.000.png", "fox"],
      ["clip.001.png", "fox"],
    ]);
    const byField = await webDataset(shard, { labels: "kind" });
    expect(entriesOf(byField, shard).map(([, name]) => name)).toEqual([null, null, "red", "red"]);
    await expect(webDataset(shard, { labels: "output.cls" })).rejects.toThrow(
      `webDataset: no labels were found in output.cls of ${shard}; expected files that end so`,
    );
  });

  test("kinds of pictures in samples: one is taken in all shards, the others are told and can be chosen", async () => {
    const sample = async (key: string) =>
      [
        [`${key}.target.png`, await picture(1)],
        [`${key}.input.jpg`, await picture(2)],
        [`${key}.output.cls`, "3"],
      ] as const;
    const first = rawTar("kinds-0.tar", [...(await sample("a")), ...(await sample("b"))]);
    // The last shard has one sample, and its files in another order.
    const second = rawTar("kinds-1.tar", (await sample("c")).toReversed());
    const dataset = await webDataset([first, second]);
    expect([dataset.length, dataset.path(2), dataset.label(2)]).toEqual([3, `${second}/c.target.png`, 3]);
    expect(dataset.notes).toEqual([
      {
        level: "warning",
        text:
          "3 samples hold several pictures; taken are target.png (3), left out input.jpg (3). Choose by such an " +
          "ending with imageColumn (--image-column).",
      },
    ]);
    for (const picture of ["input.jpg", "input"]) {
      const inputs = await webDataset([first, second], { picture });
      expect([inputs.length, inputs.path(0), inputs.label(0)]).toEqual([3, `${first}/a.input.jpg`, 3]);
      expect(inputs.notes[0]!.level).toBe("info");
    }
    await expect(webDataset([first, second], { picture: "jpg" })).rejects.toThrow(
      `webDataset: no picture in ${first} and 1 more ends in jpg; there are target.png (3), input.jpg (3).`,
    );
    expect((await webDataset(first, { labels: "output.cls" })).label(0)).toBe(3);
  });

  test("names that are not UTF-8 are told apart and shown; hidden, system and other files are told", async () => {
    const name = (byte: number) => Buffer.concat([Buffer.from("caf"), Buffer.of(byte), Buffer.from(".png")]);
    const shard = rawTar("bytes.tar", [
      [name(0xe9), await picture(1)],
      [name(0xe8), await picture(2)],
      ["__MACOSX/._a.png", "AppleDouble"],
      ["@eaDir/a.png", await picture(3)],
      ["b.HEIC", "?"],
      ["c.heic", "?"],
    ]);
    const dataset = await webDataset(shard);
    expect([0, 1].map((index) => dataset.path(index))).toEqual([
      `${shard}/caf\udce9.png`,
      `${shard}/caf\udce8.png`,
    ]);
    expect(dataset.notes).toEqual([
      {
        level: "warning",
        text: "not decoded: HEIC: 2 files, e.g. b.HEIC; convert them, for instance with heif-convert in.heic out.jpg",
      },
      { level: "info", text: "left out 2 hidden or system files and folders, e.g. __MACOSX/._a.png" },
    ]);
    // The index that was kept says the same.
    expect((await webDataset(shard)).notes).toEqual(dataset.notes);
    rmSync(shard);
    await expect(dataset.image(0)).rejects.toThrow(`${shard}/caf\\xe9.png: ENOENT`);
    const others = rawTar("others.tar", [["b.heic", "?"]]);
    await expect(webDataset(others)).rejects.toThrow(
      "A folder of pictures inside a tar file will do. Not decoded: HEIC: 1 file, e.g. b.heic; convert them",
    );
  });

  test("a pax name that holds a line end", async () => {
    const record = "22 path=two\nlines.png\n";
    const shard = rawTar("pax.tar", [
      ["header", record],
      ["short.png", await picture(1)],
    ]);
    const bytes = readFileSync(shard);
    bytes.write("x", 156);
    bytes.write("        ", 148);
    const sum = bytes.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    const dataset = await webDataset(write(shard, bytes));
    expect(dataset.path(0)).toBe(`${shard}/two\nlines.png`);
  });
});

describe("webDataset", () => {
  test("samples by key, labels from cls, over several shards, with a kept index", async () => {
    const first = await pack("a-000.tar", {
      "0001.png": await picture(1),
      "0001.cls": "2",
      "0001.seg.png": await picture(9),
      "deep/0002.cls": "0\n",
      "deep/0002.png": await picture(2),
      "notes.txt": "nothing",
    });
    const second = await pack("a-001.tar", {
      "0003.jpg": await gradient(9, 5, 3).jpeg().toBuffer(),
      "0003.cls": "1",
    });
    const dataset = await webDataset([first, second]);
    expect(dataset.length).toBe(3);
    expect(dataset.indexNotKept).toBeNull();
    expect([0, 1, 2].map((index) => dataset.path(index))).toEqual([
      `${first}/0001.png`,
      `${first}/deep/0002.png`,
      `${second}/0003.jpg`,
    ]);
    expect([0, 1, 2].map((index) => dataset.label(index))).toEqual([2, 0, 1]);
    expect(dataset.classes).toEqual(["0", "1", "2"]);
    expect((await dataset.image(1)).shape).toEqual([3, 6, 3]);
    expect(await dataset.size(2)).toEqual({ height: 5, width: 9 });
    const print = await dataset.fingerprint();
    await dataset.close();

    const index = readFileSync(`${first}.index`);
    const before = statSync(`${first}.index`).mtimeMs;
    const again = await webDataset([first, second]);
    expect([again.length, again.label(0)]).toEqual([3, 2]);
    expect(statSync(`${first}.index`).mtimeMs).toBe(before);
    expect(await again.fingerprint()).toBe(print);
    // A damaged index, and one of an older shard, are made anew.
    writeFileSync(`${first}.index`, index.fill(7, 100, 110));
    expect((await webDataset([first])).label(0)).toBe(2);
    utimesSync(second, new Date(1000), new Date(1000));
    expect((await webDataset([first, second])).label(2)).toBe(1);
    expect(await again.fingerprint()).not.toBe(print);
  });

  test("labels from json and txt, class names, another ending", async () => {
    const shard = await pack("json.tar", {
      "a.json": '{"label": "owl", "width": 3}',
      "a.png": await picture(1),
      "b.json": '{"label": "fox"}',
      "b.png": await picture(2),
      "c.json": "{broken",
      "c.png": await picture(3),
      "c.seg.png": await picture(7),
    });
    const dataset = await webDataset(shard);
    expect(dataset.classes).toEqual(["fox", "owl"]);
    expect([0, 1, 2].map((index) => dataset.label(index))).toEqual([1, 0, -1]);
    expect((await webDataset(shard, { classes: ["owl", "fox"] })).label(0)).toBe(0);
    await expect(webDataset(shard, { classes: ["owl"] })).rejects.toThrow(
      `webDataset: ${shard} holds pictures of the class fox, but the classes are owl. Both must use the same ` +
        "names: rename, or leave out what is not among them.",
    );
    expect((await webDataset(shard, { labels: null })).classes).toEqual([]);
    const masks = await webDataset(shard, { picture: "seg.png" });
    expect([masks.length, masks.path(0)]).toEqual([1, `${shard}/c.seg.png`]);
    const captions = await pack("txt.tar", { "a.png": await picture(1), "a.txt": "a dog on a bench" });
    expect((await webDataset(captions)).classes).toEqual([]);
    expect((await webDataset(captions, { labels: "txt" })).classes).toEqual(["a dog on a bench"]);
  });

  test("long names of GNU tar and of pax", async () => {
    const long = `${"d".repeat(120)}/${"n".repeat(150)}`;
    const content = join(folder, "long");
    write(join(content, `${long}.png`), await picture(4));
    write(join(content, `${long}.cls`), "1");
    for (const format of ["gnu", "pax", "posix"]) {
      const file = join(folder, `${format}.tar`);
      execFileSync("tar", [`--format=${format}`, "-cf", file, "-C", content, `${long}.cls`, `${long}.png`]);
      const dataset = await webDataset(file);
      expect(dataset.path(0)).toBe(`${file}/${long}.png`);
      expect(dataset.label(0)).toBe(1);
      expect((await dataset.image(0)).shape).toEqual([3, 8, 3]);
      await dataset.close();
    }
    const node = await webDataset(await pack("node.tar", { [`${long}.png`]: await picture(4) }));
    expect(node.path(0)).toContain(`${long}.png`);
  });

  test("an index in another folder, and gzipped shards unpacked there", async () => {
    const shard = await pack("elsewhere.tar", { "a.png": await picture(1) });
    const zipped = write(join(folder, "zipped.tar.gz"), gzipSync(readFileSync(shard)));
    const before = process.env.SPLITMASK_CACHE;
    process.env.SPLITMASK_CACHE = "off";
    await expect(webDataset(zipped)).rejects.toThrow(
      `webDataset: ${zipped} is gzipped, and single pictures can only be read from a plain .tar. Unpack it ` +
        `(gunzip -k "${zipped}", and open the .tar file), or give a cacheFolder`,
    );
    process.env.SPLITMASK_CACHE = join(folder, "default cache");
    const unpacked = await webDataset(zipped);
    expect(unpacked.notes).toEqual([
      {
        level: "info",
        text:
          `1 gzipped shard is unpacked in ${join(folder, "default cache", "shards")}, 0.00 GB; splitmask cache ` +
          "clear deletes that",
      },
    ]);
    // People and runs know it by what was given.
    expect([unpacked.root, unpacked.path(0)]).toEqual([folder, `${zipped}/a.png`]);
    expect((await unpacked.identity()).files[0]).toMatch(/ 1 zipped\.tar\.gz$/);
    await unpacked.close();
    expect((await listShardFiles(join(folder, "default cache"))).map(({ path }) => basename(path))).toEqual([
      expect.stringMatching(/^zipped-\w{16}\.tar$/),
      expect.stringMatching(/^zipped-\w{16}\.tar\.index$/),
    ]);
    expect((await clearShardFiles(join(folder, "default cache"))).length).toBe(2);
    expect(await listShardFiles(join(folder, "default cache"))).toEqual([]);
    expect(() => requireRoom("a.tgz", "cache", 3e9, 3.1e9)).toThrow(
      "webDataset: a.tgz is gzipped, and its unpacked copy needs about 3.0 GB; cache has 3.1 GB free. " +
        "Give another folder with cacheFolder (--cache-folder, or SPLITMASK_CACHE), " +
        'or unpack it yourself (gunzip -k "a.tgz", and open the .tar file).',
    );
    expect(() => requireRoom("a.tgz", "cache", 3e9, 4e9)).not.toThrow();
    if (before === undefined) delete process.env.SPLITMASK_CACHE;
    else process.env.SPLITMASK_CACHE = before;
    const cacheFolder = join(folder, "cache");
    for (let round = 0; round < 2; round++) {
      const dataset = await webDataset([shard, zipped], { cacheFolder });
      expect((await dataset.image(1)).shape).toEqual([3, 5, 3]);
      await dataset.close();
    }
    expect(existsSync(`${shard}.index`)).toBe(false);
    const cut = write(join(folder, "cut.tgz"), readFileSync(zipped).subarray(0, 100));
    await expect(webDataset(cut, { cacheFolder })).rejects.toThrow(`${cut} cannot be unpacked`);
    const blocked = write(join(folder, "file"), "");
    const unkept = await webDataset(shard, { cacheFolder: join(blocked, "cache") });
    expect([unkept.length, unkept.indexNotKept]).toEqual([1, expect.stringContaining("ENOTDIR")]);
  });

  test("more shards than files that stay open", async () => {
    const shards = await Promise.all(
      Array.from({ length: 40 }, async (_, number) =>
        pack(`many/${number}.tar`, { [`${number}.png`]: await picture(number) }),
      ),
    );
    const dataset = await webDataset(shards, { picture: "png" });
    const pictures = await Promise.all(shards.map((_, index) => dataset.image(index)));
    expect(pictures.map(({ shape }) => shape[1])).toEqual(shards.map((_, index) => 4 + index));
    expect(await dataset.fingerprint()).not.toBe(await (await webDataset(shards)).fingerprint());
    await dataset.close();
  });

  test("damaged shards", async () => {
    const shard = await pack("good.tar", { "a.png": await picture(1), "b.png": await picture(2) });
    const good = readFileSync(shard);
    const cut = write(join(folder, "cut.tar"), good.subarray(0, 550));
    await expect(webDataset(cut)).rejects.toThrow(
      /is damaged at byte 0: a file of \d+ bytes is said to follow, and there are 38 more/,
    );
    const later = write(join(folder, "later.tar"), good.subarray(0, 1200));
    await expect(webDataset(later)).rejects.toThrow(
      `${later} is damaged at byte 1024: it ends inside of a header, after 1200 bytes`,
    );
    const wrong = Uint8Array.from(good);
    wrong[3]! ^= 1;
    const damaged = write(join(folder, "damaged.tar"), wrong);
    await expect(webDataset(damaged)).rejects.toThrow(
      `${damaged} is damaged at byte 0: the checksum of the header is wrong. Expected a tar archive; ` +
        "get it anew, or pack it anew.",
    );
    const empty = write(join(folder, "empty.tar"), new Uint8Array(10240));
    await expect(webDataset(empty)).rejects.toThrow(`webDataset: no pictures in ${empty};`);
    await expect(webDataset([])).rejects.toThrow("webDataset: no shards were given");
    const dataset = await webDataset(shard);
    rmSync(shard);
    await expect(dataset.image(1)).rejects.toThrow(`${shard}/b.png: ENOENT`);
    const stop = AbortSignal.abort();
    await expect(webDataset(cut, { signal: stop })).rejects.toThrow("aborted");
  });
});
