import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readSafetensors } from "@splitmask/autograd";
import {
  cocoDataset,
  decodeRunLengths,
  encodeRunLengths,
  openDataset,
  rasterizeRunLengths,
  runLengthsOf,
} from "@splitmask/data";
import ndarray from "ndarray";
import { plain, scratchFolder, write } from "./pictures.js";

const folder = scratchFolder();

const whole = {
  images: [
    { id: 7, file_name: "one.png", width: 8, height: 6 },
    { id: 3, file_name: "two.png", width: 5, height: 5 },
  ],
  categories: [
    { id: 1, name: "person", supercategory: "human" },
    { id: 90, name: "toothbrush" },
  ],
  annotations: [
    {
      id: 11,
      image_id: 3,
      category_id: 90,
      bbox: [0, 1, 2, 3],
      area: 5,
      iscrowd: 0,
      segmentation: [[0, 1, 2, 1, 2, 4]],
    },
    {
      id: 12,
      image_id: 7,
      category_id: 1,
      bbox: [1, 1, 2, 2],
      iscrowd: 1,
      segmentation: { size: [6, 8], counts: [7, 2, 39] },
    },
    {
      id: 13,
      image_id: 7,
      category_id: 1,
      bbox: [0, 0, 8, 6],
      segmentation: { size: [6, 8], counts: "0`1" },
    },
  ],
};

async function writeCoco(json: unknown): Promise<string> {
  await Promise.all(
    [["one.png", 8, 6] as const, ["two.png", 5, 5] as const].map(async ([name, width, height]) =>
      write(join(folder, "images", "val", name), await plain(width, height, "red").png().toBuffer()),
    ),
  );
  return write(
    join(folder, "annotations", "instances_val.json"),
    typeof json === "string" ? json : JSON.stringify(json),
  );
}

describe("cocoDataset", () => {
  test("pictures, boxes, polygons and both forms of masks", async () => {
    const dataset = await cocoDataset(await writeCoco(whole));
    expect([dataset.length, dataset.classes, dataset.label(1), dataset.imageId(1)]).toEqual([2, [], -1, 3]);
    expect(dataset.path(0)).toBe(join(folder, "images", "val", "one.png"));
    expect((await dataset.image(1)).shape).toEqual([5, 5, 3]);
    expect(await dataset.size(0)).toEqual({ height: 6, width: 8 });
    expect(dataset.categories).toEqual([
      { id: 1, name: "person", supercategory: "human" },
      { id: 90, name: "toothbrush", supercategory: "" },
    ]);
    expect(dataset.annotations(1)).toEqual([
      {
        id: 11,
        categoryId: 90,
        box: [0, 1, 2, 3],
        area: 5,
        isCrowd: false,
        segmentation: [[0, 1, 2, 1, 2, 4]],
      },
    ]);
    const [crowd, full] = dataset.annotations(0);
    expect([crowd!.isCrowd, crowd!.area, crowd!.segmentation]).toEqual([
      true,
      4,
      { size: [6, 8], counts: [7, 2, 39] },
    ]);
    expect([...decodeRunLengths(full!.segmentation as never)]).toEqual([0, 48]);
    expect(await dataset.fingerprint()).toMatch(/^[0-9a-f]{32}$/);
  });

  test("what is wrong with a file", async () => {
    const refused = async (json: unknown, text: string) => {
      const path = await writeCoco(json);
      await expect(cocoDataset(path)).rejects.toThrow(`cocoDataset: ${path}${text}`);
    };
    await refused('{"images": [', " is not JSON");
    await refused(
      "null",
      ': "images" is nothing; expected a list of objects with a "file_name", at least one.',
    );
    await refused({ ...whole, images: [] }, ': "images" is []; expected a list of objects');
    await refused(
      { ...whole, images: [3, { id: 1 }] },
      ': "images" is [3,{"id":1}]; expected a list of objects',
    );
  });

  test("what is not needed is left out and told, sound annotations stay", async () => {
    const sound = whole.annotations[0]!;
    const odd = JSON.stringify({
      images: [
        null,
        { id: "7", file_name: "one.png" },
        { id: 3, coco_url: "http://images.cocodataset.org/val/two.png?size=1" },
        { id: 8, file_name: "" },
        { id: 7, file_name: "one.png" },
        { id: 3, file_name: "other\\three.png" },
      ],
      categories: [{ id: "1", name: "person" }, { id: 2 }, "dog"],
      annotations: [
        { ...sound, image_id: 7, category_id: 1, bbox: ["0", 1, "2.5", 3], area: "NaN_" },
        { ...sound, image_id: 99, category_id: 1 },
        { ...sound, image_id: 7, category_id: 5 },
        { ...sound, image_id: 7, category_id: 1, bbox: [] },
        { ...sound, image_id: 7, category_id: 1, bbox: [0, 0, 0, 4] },
        { ...sound, image_id: 7, category_id: 1, bbox: [0, 0, -1, 4] },
        { ...sound, image_id: 7, category_id: 1, segmentation: { size: [6], counts: "0" } },
        { ...sound, image_id: 7, category_id: 1, segmentation: [[1, 2, 3]], score: "Infinity" },
        { ...sound, image_id: 3, category_id: 1 },
        { image_id: 7, caption: 'a "NaN" text' },
      ],
      licenses: null,
    }).replaceAll('"NaN_"', "NaN");
    write(join(folder, "images", "other", "three.png"), await plain(4, 4, "red").png().toBuffer());
    const dataset = await cocoDataset(await writeCoco(`\uFEFF${odd}`));
    const names = Array.from({ length: dataset.length }, (_, index) => dataset.path(index));
    expect(names).toEqual(
      ["val/one.png", "val/two.png", "other/three.png"].map((name) => join(folder, "images", name)),
    );
    expect([0, 1, 2].map((index) => dataset.imageId(index))).toEqual([7, null, null]);
    expect((await dataset.image(2)).shape).toEqual([4, 4, 3]);
    expect(dataset.categories).toEqual([{ id: 1, name: "person", supercategory: "" }]);
    const objects = dataset.annotations(0);
    expect(objects.map(({ box }) => box)).toEqual([
      [0, 1, 2.5, 3],
      [0, 1, 2, 3],
      [0, 1, 2, 3],
    ]);
    expect([objects[0]!.area, objects[1]!.segmentation]).toEqual([7.5, null]);
    expect([dataset.annotations(1), dataset.annotations(2)]).toEqual([[], []]);
    expect(dataset.notes.map(({ level, text }) => `${level} ${text}`)).toEqual([
      'info left out of "images", being no objects: 1, e.g. null at place 0',
      'warning images left out that have no file_name: 1, e.g. image 3, {"id":8,"file_name":""}',
      'info images that are there several times, and taken once: 1, e.g. "one.png"',
      'info images that share an id, and so have no annotations: 1, e.g. "other/three.png" with 3',
      'info left out of "categories", being no objects: 1, e.g. "dog" at place 2',
      'info categories left out that have no id of their own or no name: 1, e.g. category 1, {"id":2}',
      "info annotations left out whose image is not in the file: 2, e.g. annotation 1 of image 99",
      "info annotations left out whose category is not in the file: 1, e.g. annotation 2 of category 5",
      "info annotations left out whose bbox is not [x, y, width, height] with sides above 0: 3, e.g. annotation " +
        "3 with []",
      "info annotations without their segmentation, which is neither polygons nor runs: " +
        '2, e.g. annotation 6 with {"size":[6],"counts":"0"}',
    ]);
  });

  test("lists that are null or missing, and categories that the file does not list", async () => {
    const [annotation] = whole.annotations;
    const file = await writeCoco({ images: whole.images, annotations: [annotation], categories: null });
    const dataset = await cocoDataset(file);
    expect([dataset.categories, dataset.annotations(1)[0]!.categoryId, dataset.notes]).toEqual([[], 90, []]);
    const bare = await cocoDataset(await writeCoco({ images: whole.images, annotations: null }));
    expect([bare.length, bare.annotations(0), bare.notes]).toEqual([2, [], []]);
  });

  test("a picture that is missing, and a folder that is", async () => {
    const images = [...whole.images, { id: 9, file_name: "gone.png" }];
    const dataset = await cocoDataset(await writeCoco({ ...whole, images }));
    await expect(dataset.image(2)).rejects.toThrow("gone.png: the file is missing");
    expect(dataset.notes.map(({ text }) => text)).toEqual([
      `1 of the 3 pictures of ${dataset.file} are not found in ${join(folder, "annotations")} and ${folder}, ` +
        "e.g. gone.png",
    ]);
    const first = await cocoDataset(await writeCoco({ ...whole, images: images.toReversed() }));
    expect([first.length, first.path(2)]).toEqual([3, join(folder, "images", "val", "one.png")]);

    const path = await writeCoco({ images: [{ id: 9, file_name: "gone.png" }] });
    await expect(cocoDataset(path)).rejects.toThrow(
      `cocoDataset: none of the 1 pictures of ${path} is found, e.g. gone.png, in ` +
        `${join(folder, "annotations")} and ${folder} and the folders inside. Give the folder of the pictures ` +
        "with images (--images), or open that folder itself.",
    );
    expect((await cocoDataset(path, { images: folder })).path(0)).toBe(join(folder, "gone.png"));
    await expect(cocoDataset(path, { images: path })).rejects.toThrow("which is no folder");
  });

  test("pictures of several folders, of the same name, elsewhere, and by absolute paths", async () => {
    const root = join(folder, "mixed");
    const png = await plain(3, 3, "red").png().toBuffer();
    for (const name of ["set/train/1.png", "set/val/1.png", "set/val/2.png", "@eaDir/val/2.png", "far/3.png"])
      write(join(root, name), png);
    const names = ["val/1.png", "train/1.png", "C:\\data\\val\\2.png", join(root, "far", "3.png")];
    const json = JSON.stringify({ images: names.map((file_name, id) => ({ id, file_name })) });
    const paths = ["set/val/1.png", "set/train/1.png", "set/val/2.png", "far/3.png"].map((name) =>
      join(root, name),
    );
    const dataset = await cocoDataset(write(join(root, "labels", "lvis.json"), json));
    expect(names.map((_, index) => dataset.path(index))).toEqual(paths);
    const elsewhere = write(join(folder, "elsewhere", "deep", "labels", "lvis.json"), json);
    const given = await openDataset(elsewhere, { images: root });
    expect(names.map((_, index) => given.path(index))).toEqual(paths);
    expect(given.notes).toEqual([]);
  });
});

describe("run lengths", () => {
  test("as pycocotools packs and unpacks them", async () => {
    const { tensors } = await readSafetensors(
      fileURLToPath(new URL("fixtures/runLengths.safetensors", import.meta.url)),
    );
    const count = [...tensors.keys()].filter((name) => name.endsWith(".mask")).length;
    expect(count).toBe(12);
    for (let number = 0; number < count; number++) {
      const { shape, data } = tensors.get(`${number}.mask`)! as unknown as {
        shape: [number, number];
        data: Uint8Array;
      };
      const packed = Buffer.from(tensors.get(`${number}.packed`)!.data as Uint8Array).toString("latin1");
      // Stored column by column: width × height.
      const [width, height] = shape;
      const mask = ndarray(Uint8Array.from(data), [height, width], [1, height]);
      const lengths = runLengthsOf(mask);
      expect(encodeRunLengths(lengths)).toBe(packed);
      expect([...decodeRunLengths({ size: [height, width], counts: packed })]).toEqual([...lengths]);
      const drawn = rasterizeRunLengths({ size: [height, width], counts: packed });
      expect([drawn.shape, drawn.stride, Buffer.compare(drawn.data, mask.data)]).toEqual([
        [height, width],
        [1, height],
        0,
      ]);
    }
  });

  test("what is wrong with them", () => {
    expect(() => decodeRunLengths({ size: [2, 3], counts: [4, 1] })).toThrow(
      "decodeRunLengths: the runs of a mask of 2×3 add up to 5 pixels; " +
        "expected 6, at most 268402689, none negative. The mask is damaged.",
    );
    expect(() => decodeRunLengths({ size: [1e5, 1e5], counts: [1e10] })).toThrow("at most 268402689");
    expect(() => decodeRunLengths({ size: [2, 3], counts: "a b" })).toThrow(
      "decodeRunLengths: character 1 of the packed runs is wrong; " +
        "expected what pycocotools writes. The mask is damaged.",
    );
    expect(() => decodeRunLengths({ size: [2, 3], counts: "oooooooooooo" })).toThrow("is wrong");
    expect(() => runLengthsOf(ndarray(new Uint8Array(6), [2, 3]))).toThrow(
      "runLengthsOf: the mask is 2×3 with strides 3, 1; expected H×W with strides 1, H.",
    );
  });
});
