import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { imageFolder } from "@splitmask/data";
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

  test("the classes of another folder", async () => {
    const folder = join(root, "test");
    write(join(folder, "dog/1.png"), png);
    const dataset = await imageFolder(folder, { classes: ["cat", "dog", "owl"] });
    expect(dataset.label(0)).toBe(1);
    expect(dataset.classes).toEqual(["cat", "dog", "owl"]);
    await expect(imageFolder(folder, { classes: ["cat", "owl"] })).rejects.toThrow(
      `imageFolder: ${folder} holds pictures of the class dog, but the classes are cat, owl. Both must use the same names: rename, or leave out what is not among them.`,
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
      `imageFolder: no pictures in ${empty} (1 folder searched; no other files either). Expected files that end in .jpg, .jpeg,`,
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
