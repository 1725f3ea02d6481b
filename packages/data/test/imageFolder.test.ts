import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ImageFiles, imageFolder, imageGlob, imageList, openDataset } from "@splitmask/data";
import { FolderScan } from "../dist/sources/folderScan.js";
import { plain, scratchFolder, write } from "./pictures.js";

const root = scratchFolder();
let png: Buffer;
beforeAll(async () => {
  png = await plain(3, 2, "red").png().toBuffer();
});

describe("imageFolder", () => {
  test("a flat folder has no classes; other files are named, hidden ones are not", async () => {
    const folder = join(root, "flat");
    for (const name of ["b.PNG", "a.png", "Z.jpeg", "ä.webp", "10.png", "9.png"])
      write(join(folder, name), png);
    write(join(folder, "notes.txt"), "text");
    write(join(folder, "deep/list.csv"), "1,2");
    write(join(folder, ".hidden.png"), png);
    write(join(folder, ".git/x.png"), png);
    const dataset = await imageFolder(folder);
    expect(dataset.length).toBe(6);
    expect(dataset.classes).toEqual([]);
    const names = Array.from({ length: 6 }, (_, index) => dataset.path(index).slice(folder.length + 1));
    expect(names).toEqual(["10.png", "9.png", "Z.jpeg", "a.png", "b.PNG", "ä.webp"]);
    expect(dataset.label(0)).toBe(-1);
    expect(dataset.ignored).toEqual(["deep/list.csv", "notes.txt"]);
    expect(() => dataset.path(6)).toThrow(
      "path: index is 6; expected a whole number from 0 to 5 (there are 6 pictures).",
    );
  });

  test("first-level folders are the classes, however deep their pictures lie", async () => {
    const folder = join(root, "classes");
    for (const name of ["dog/1.png", "cat/young/tabby/2.png", "cat/3.png", "dog/4.png"])
      write(join(folder, name), png);
    mkdirSync(join(folder, "empty"));
    const dataset = await imageFolder(folder);
    expect(dataset.classes).toEqual(["cat", "dog"]);
    const entries = Array.from({ length: 4 }, (_, index) => [
      dataset.path(index).slice(folder.length + 1),
      dataset.label(index),
    ]);
    expect(entries).toEqual([
      ["cat/3.png", 0],
      ["cat/young/tabby/2.png", 0],
      ["dog/1.png", 1],
      ["dog/4.png", 1],
    ]);
  });

  test("class folders inside a single folder, unless that is a wanted class", async () => {
    const folder = join(root, "wrapped");
    for (const name of ["101_ObjectCategories/ant/1.png", "101_ObjectCategories/bee/old/2.png"])
      write(join(folder, name), png);
    const dataset = await imageFolder(folder);
    expect([dataset.root, dataset.classes, dataset.label(1)]).toEqual([folder, ["ant", "bee"], 1]);
    expect(dataset.notes).toEqual([
      {
        level: "info",
        text: `${folder}: all pictures lie in 101_ObjectCategories, so the folders in there are the classes`,
      },
    ]);
    const wanted = await imageFolder(folder, { classes: ["101_ObjectCategories", "other"] });
    expect([wanted.label(0), wanted.label(1)]).toEqual([0, 0]);
    // A class of a single folder is not one.
    write(join(root, "single/ant/images/1.png"), png);
    expect((await imageFolder(join(root, "single"))).classes).toEqual(["ant"]);
  });

  test("the classes of another folder", async () => {
    const folder = join(root, "test");
    write(join(folder, "dog/1.png"), png);
    const dataset = await imageFolder(folder, { classes: ["cat", "dog", "owl"] });
    expect(dataset.label(0)).toBe(1);
    expect(dataset.classes).toEqual(["cat", "dog", "owl"]);
    await expect(imageFolder(folder, { classes: ["cat", "owl"] })).rejects.toThrow(
      `imageFolder: ${folder} holds pictures of the class dog, but the classes are cat, owl. Both must use the ` +
        "same names: rename, or leave out what is not among them.",
    );
  });

  test("links are followed, rings of links are not", async () => {
    const folder = join(root, "links");
    write(join(folder, "a/1.png"), png);
    symlinkSync(join(root, "flat"), join(folder, "b"));
    symlinkSync(folder, join(folder, "a/back"));
    symlinkSync(join(root, "nowhere.png"), join(folder, "a/gone.png"));
    const dataset = await imageFolder(folder);
    expect(dataset.classes).toEqual(["a", "b"]);
    expect(dataset.length).toBe(8); // the broken link counts as a picture and is named when it is decoded
  });

  test("names that are not UTF-8: of pictures, of class folders, of the folder itself", async () => {
    const bytes = (...names: string[]) => Buffer.from(names.join("/"), "latin1");
    const folder = join(root, "bytes");
    mkdirSync(folder);
    for (const name of ["caf\xe9", "caf\xe8", "tea"]) {
      mkdirSync(bytes(folder, name));
      writeFileSync(bytes(folder, name, "a\xff.png"), png);
    }
    const paths = [`caf\udce8/a\udcff.png`, `caf\udce9/a\udcff.png`, `tea/a\udcff.png`].map((name) =>
      join(folder, name),
    );
    const pathsOf = ({ length, path }: ImageFiles) =>
      Array.from({ length }, (_, index) => path.call(dataset, index));
    let dataset: ImageFiles = await imageFolder(folder);
    expect(pathsOf(dataset)).toEqual(paths);
    expect(dataset.classes).toEqual(["caf\\xe8", "caf\\xe9", "tea"]);
    expect((await dataset.image(1)).shape).toEqual([2, 3, 3]);
    expect(await dataset.size(0)).toEqual({ height: 2, width: 3 });
    expect(Buffer.from(await dataset.stored(1)).equals(png)).toBe(true);
    const print = await dataset.fingerprint();
    const { digest } = await dataset.identity();
    writeFileSync(bytes(folder, "caf\xe9", "a\xff.png"), Buffer.concat([png, png]));
    expect((await dataset.identity()).digest).not.toBe(digest);
    expect(await dataset.fingerprint()).not.toBe(print);
    writeFileSync(bytes(folder, "caf\xe8", "a\xff.png"), "text");
    await expect(dataset.image(0)).rejects.toThrow(
      `${folder}/caf\\xe8/a\\xff.png: not a picture: looks like text`,
    );
    expect(JSON.stringify(dataset.path(1))).toContain("caf\\udce9/a\\udcff.png");

    dataset = await imageGlob(join(folder, "**/*.png"));
    expect(pathsOf(dataset)).toEqual(paths);
    expect(dataset.label(1)).toBe(1);
    const list = join(root, "bytes.txt");
    writeFileSync(list, bytes("bytes/caf\xe9/a\xff.png\n"));
    dataset = await imageList(list);
    expect(pathsOf(dataset)).toEqual([paths[1]]);
    expect((await dataset.image(0)).shape).toEqual([2, 3, 3]);

    // As Node.js reads such a path from the command line.
    await expect(openDataset(join(folder, "caf\ufffd"))).rejects.toThrow(
      `2 names in ${folder} read so, caf\\xe8 and caf\\xe9`,
    );
    rmSync(bytes(folder, "caf\xe8"), { recursive: true });
    expect((await openDataset(join(folder, "caf\ufffd"))).path(0)).toBe(paths[1]);
  });

  test("what cannot be read, is hidden or the system's is left out and told", async () => {
    const folder = join(root, "system");
    for (const name of [
      "a/1.png",
      "a/@eaDir/1.png/SYNOPHOTO_THUMB_XL.jpg",
      "#recycle/2.png",
      "__MACOSX/a/._1.png",
    ])
      write(join(folder, name), png);
    for (const name of [
      "$RECYCLE.BIN/3.png",
      "System Volume Information/4.png",
      ".Trashes/5.png",
      "a/._1.png",
    ])
      write(join(folder, name), png);
    for (const name of ["Thumbs.db", "a/b.HEIC", "a/c.heic", "a/clip.mp4"]) write(join(folder, name), "?");
    symlinkSync("ring", join(folder, "ring"));
    symlinkSync("nowhere", join(folder, "dead"));
    symlinkSync("x".repeat(300), join(folder, "long"));
    const warnings = [
      "not decoded: HEIC: 2 files, e.g. a/b.HEIC; convert them, for instance with heif-convert in.heic out.jpg",
      "not decoded: video: 1 file, e.g. a/clip.mp4; extract pictures from them, for instance with ffmpeg -i in.mp4 " +
        "-vf fps=1 out-%05d.jpg",
    ].map((text) => ({ level: "warning", text }));
    for (const dataset of [await imageFolder(folder), await imageGlob(join(folder, "**"))]) {
      expect([dataset.length, dataset.classes]).toEqual([1, ["a"]]);
      const [lost, ...others] = dataset.notes;
      expect(lost!.text).toMatch(
        /^3 folders or links cannot be read and are left out, e.g. (dead|ring|long): /,
      );
      expect(others).toEqual([
        ...warnings,
        {
          level: "info",
          text: "left out 7 hidden or system files and folders, e.g. #recycle",
        },
      ]);
    }
    expect((await openDataset(folder)).length).toBe(1);
    const phone = join(root, "phone");
    write(join(phone, "1.heic"), "?");
    await expect(imageFolder(phone)).rejects.toThrow(
      "in the folder or in class folders inside it. Not decoded: HEIC: 1 file, e.g. 1.heic; convert them, for " +
        "instance with heif-convert in.heic out.jpg.",
    );
  });

  test("a folder that goes away during the scan", async () => {
    const scan = new FolderScan(root, [".png"]);
    expect(await scan.entries(join(root, "gone"))).toEqual([]);
    expect(scan.notes()).toEqual([
      {
        level: "warning",
        text: "1 folder or link cannot be read and is left out, e.g. gone: the file is missing",
      },
    ]);
  });

  test("composed and decomposed names are one class", async () => {
    const folder = join(root, "nfc");
    write(join(folder, "train", "caf\u00e9", "1.png"), png);
    write(join(folder, "train", "cafe\u0301", "2.png"), png);
    write(join(folder, "test", "cafe\u0301", "3.png"), png);
    const train = await imageFolder(join(folder, "train"));
    expect([train.classes, train.label(0), train.label(1)]).toEqual([["caf\u00e9"], 0, 0]);
    const test = await imageFolder(join(folder, "test"), { classes: train.classes });
    expect([test.label(0), test.path(0)]).toEqual([0, join(folder, "test", "cafe\u0301", "3.png")]);
    expect((await imageFolder(join(folder, "train"), { classes: ["cafe\u0301"] })).label(0)).toBe(0);
  });

  test("a missing folder, a file, an empty folder, a folder of text", async () => {
    const missing = join(root, "missing");
    await expect(imageFolder(missing)).rejects.toThrow(
      `imageFolder: there is no folder ${missing}. Check the path; a relative one starts at ${process.cwd()}.`,
    );
    const file = write(join(root, "file.png"), png);
    await expect(imageFolder(file)).rejects.toThrow(
      `imageFolder: ${file} is a file; expected a folder of pictures. Give the folder that holds it.`,
    );
    const empty = join(root, "nothing");
    mkdirSync(empty);
    await expect(imageFolder(empty)).rejects.toThrow(
      `imageFolder: no pictures in ${empty} (1 folder searched; no other files either). ` +
        "Expected files that end in .jpg, .jpeg,",
    );
    const texts = join(root, "texts");
    write(join(texts, "b.txt"), "b");
    write(join(texts, "deep/a.txt"), "a");
    await expect(imageFolder(texts)).rejects.toThrow("(2 folders searched; 2 other files, e.g. b.txt)");
  });

  test("sizes come from the header", async () => {
    const dataset = await imageFolder(join(root, "classes"));
    expect(await dataset.size(0)).toEqual({ height: 2, width: 3 });
  });
});
