import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readSafetensors } from "@splitmask/autograd";
import {
  cocoDataset,
  decodeRunLengths,
  encodeRunLengths,
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
    const changed = (annotation: object) => ({
      ...whole,
      annotations: [{ ...whole.annotations[0], ...annotation }],
    });
    await refused('{"images": [', " is not JSON");
    await refused("null", ': "images" is nothing; expected a list.');
    await refused({ ...whole, images: [] }, ': "images" is empty; expected at least one picture.');
    await refused({ ...whole, images: [3] }, ': "images" 0 is 3; expected an object.');
    await refused({ ...whole, images: [{ id: 1 }] }, ': "file_name" of image 0 is nothing; expected a text.');
    await refused(
      { ...whole, images: [whole.images[0], whole.images[0]] },
      ": two images have the same id; expected one each.",
    );
    await refused(
      changed({ image_id: 5 }),
      ": annotation 0 belongs to image 5; expected the id of an image.",
    );
    await refused(
      changed({ category_id: 2 }),
      ": annotation 0 has the category 2; expected one of 2 categories.",
    );
    await refused(
      changed({ bbox: [1, 2, 3] }),
      ': "bbox" of annotation 0 is [1,2,3]; expected [x, y, width, height].',
    );
    await refused(
      changed({ segmentation: { size: [6], counts: "0" } }),
      ': "segmentation" of annotation 0 is {"size":[6],"counts":"0"}; expected polygons [[x, y, …], …] or {size: [height, width], counts}.',
    );
  });

  test("a picture that is missing, and a folder that is", async () => {
    const images = [...whole.images, { id: 9, file_name: "gone.png" }];
    const dataset = await cocoDataset(await writeCoco({ ...whole, images }));
    await expect(dataset.image(2)).rejects.toThrow("gone.png: the file is missing");
    const path = await writeCoco({ images: [{ id: 9, file_name: "gone.png" }] });
    await expect(cocoDataset(path)).rejects.toThrow(
      `cocoDataset: the first picture of ${path}, gone.png, is in none of ${join(folder, "annotations")},`,
    );
    expect((await cocoDataset(path, { images: folder })).path(0)).toBe(join(folder, "gone.png"));
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
      "decodeRunLengths: the runs of a mask of 2×3 add up to 5 pixels; expected 6, at most 268402689, none negative. The mask is damaged.",
    );
    expect(() => decodeRunLengths({ size: [1e5, 1e5], counts: [1e10] })).toThrow("at most 268402689");
    expect(() => decodeRunLengths({ size: [2, 3], counts: "a b" })).toThrow(
      "decodeRunLengths: character 1 of the packed runs is wrong; expected what pycocotools writes. The mask is damaged.",
    );
    expect(() => decodeRunLengths({ size: [2, 3], counts: "oooooooooooo" })).toThrow("is wrong");
    expect(() => runLengthsOf(ndarray(new Uint8Array(6), [2, 3]))).toThrow(
      "runLengthsOf: the mask is 2×3 with strides 3, 1; expected H×W with strides 1, H.",
    );
  });
});
