import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { decodePicture, PictureError, readPictureSize } from "@splitmask/data";
import sharp from "sharp";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "splitmask-host-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const square = () => sharp({ create: { width: 8, height: 8, channels: 3, background: "red" } });

test("a program that uses sharp itself finds it as it was after decoding with this package", async () => {
  const picture = join(folder, "red.png");
  const own = join(folder, "red.v");
  await square().png().toFile(picture);
  await square().toFile(own);
  const program = `
    import sharp from "sharp";
    const settings = () => JSON.stringify([sharp.concurrency(), sharp.simd(), limits(sharp.cache())]);
    const limits = ({ memory, files, items }) => [memory.max, files.max, items.max];
    sharp.cache({ memory: 33, files: 7, items: 44 });
    sharp.concurrency(3);
    const before = settings();
    const data = await import("@splitmask/data");
    const { shape } = await data.decodePicture(${JSON.stringify(picture)}, { shortSide: 4 });
    const size = await data.readPictureSize(${JSON.stringify(picture)});
    console.log(shape.join("×"), size.width, settings() === before, settings());
    console.log((await sharp(${JSON.stringify(own)}).metadata()).format);`;
  const child = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
    encoding: "utf8",
    cwd: process.cwd(),
  });
  expect(child.stderr).toBe("");
  expect(child.stdout).toBe("4×4×3 8 true [3,true,[33,7,44]]\nvips\n");
});

test("a file of a format that is not decoded here reaches no loader of libvips", async () => {
  const own = join(folder, "own.png");
  await square().toFile(join(folder, "own.v"));
  writeFileSync(own, await sharp(join(folder, "own.v")).png().toBuffer());
  expect((await decodePicture(own)).shape).toEqual([8, 8, 3]);
  for (const read of [decodePicture, readPictureSize]) {
    await expect(read(join(folder, "own.v"))).rejects.toThrow(PictureError);
    await expect(read(join(folder, "own.v"))).rejects.toThrow(
      "not a picture: its first bytes are of no known format",
    );
  }
});

test("a compressed drawing is one, other gzip data is not", async () => {
  const drawing =
    '<svg xmlns="http://www.w3.org/2000/svg" width="6" height="4"><rect width="6" height="4"/></svg>';
  expect((await decodePicture(gzipSync(drawing))).shape).toEqual([4, 6, 3]);
  await expect(decodePicture(gzipSync("text"))).rejects.toThrow("not a picture: gzip data");
});
