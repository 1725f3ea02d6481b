import { join } from "node:path";
import { parquetDataset } from "@splitmask/data";
import { parquetWriteBuffer } from "hyparquet-writer";
import { gradient, scratchFolder, write } from "./pictures.js";

const folder = scratchFolder();

test("a literal of four gigabytes in Snappy data is an error, not a loop without end", async () => {
  const bytes = new Uint8Array(await gradient(6, 3).png().toBuffer());
  const file = Buffer.from(
    parquetWriteBuffer({
      columnData: [{ name: "image", data: Array(8).fill(bytes), type: "BYTE_ARRAY" }],
      codec: "SNAPPY",
    }),
  );
  const whole = await parquetDataset(write(join(folder, "whole.parquet"), file));
  expect((await whole.image(7)).shape).toEqual([3, 6, 3]);
  await whole.close();
  // The first literal is the picture's beginning. Its tag becomes that of a literal whose length has four bytes.
  const start = file.indexOf("\x89PNG", 0, "latin1");
  for (let tag = start - 1; tag > start - 24; tag--) {
    const broken = Buffer.from(file);
    broken[tag] = 63 << 2;
    broken.writeInt32LE(-6, tag + 1); // read as −5, it leads back to this tag
    const dataset = await parquetDataset(write(join(folder, "broken.parquet"), broken)).catch(
      (error: Error) => error,
    );
    if (dataset instanceof Error || dataset.length === undefined) {
      expect((dataset as unknown as Error).message).toContain("broken.parquet");
      continue;
    }
    await expect(dataset.image(0)).rejects.toThrow("broken.parquet");
    await dataset.close();
  }
});
