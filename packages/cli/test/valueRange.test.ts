import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { callMain, tinyModel } from "./command.js";

let folder: string;

/** `count` PNG files of 16 bits a pixel, with noise up to `most`. */
async function writeDeep(name: string, count: number, most: number): Promise<string> {
  const path = join(folder, name);
  await mkdir(path);
  for (let number = 0; number < count; number++) {
    const values = Uint16Array.from(
      { length: 40 * 40 },
      (_, place) => (place * 7919 * (number + 1)) % (most + 1),
    );
    await sharp(values, { raw: { width: 40, height: 40, channels: 1 } })
      .toColourspace("grey16")
      .png()
      .toFile(join(path, `${number}.png`));
  }
  return path;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "splitmask-range-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("a run keeps the range of its pictures' values, and whatever its encoder sees later has the same", async () => {
  const pictures = await writeDeep("twelve bits", 8, 4000);
  const dim = await writeDeep("dim", 3, 200);
  const run = join(folder, "run");
  const small = [...tinyModel, "--depth", "1", "--vocabulary", "32", "--batch", "4", "--steps", "2"];
  const trained = await callMain(["pretrain", pictures, "--out", run, ...small]);
  expect([trained.code, trained.error]).toEqual([0, ""]);
  expect(trained.output).toContain("0 is black and 4,095 white in all pictures");
  const { config, mean } = JSON.parse(await readFile(join(run, "config.json"), "utf8"));
  expect(config.valueRange).toBe("0,4095");
  expect(mean[0]).toBeGreaterThan(0.3);

  const embed = (...options: string[]) =>
    callMain(["embed", run, dim, "--out", join(folder, "dim.npy"), "--threads", "1", ...options]);
  expect((await embed()).output).toContain("0 is black and 4,095 white in all pictures");
  expect((await embed("--value-range", "auto")).output).toContain("0 is black and 255 white");
  expect((await embed("--value-range", "0,200")).output).toContain("0 is black and 200 white");
  const wrong = await embed("--value-range", "200,0");
  expect([wrong.code, wrong.error]).toEqual([
    2,
    expect.stringContaining(
      '--value-range: got "200,0", expected "auto", "percentiles", "file", ' +
        'or the values that are shown black and white, such as "0,4095".',
    ),
  ]);

  const resumed = await callMain(["pretrain", pictures, "--out", run, "--resume", "--threads", "1"]);
  expect(resumed.output).toContain("0 is black and 4,095 white in all pictures");
  const other = await callMain(["pretrain", pictures, "--out", run, "--resume", "--value-range", "0,255"]);
  expect([other.code, other.error]).toEqual([
    2,
    expect.stringContaining('valueRange was "0,4095" and is now "0,255"'),
  ]);
});
