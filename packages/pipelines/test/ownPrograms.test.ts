import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ImageLoader, imageFolder } from "@splitmask/data";
import { createDevice } from "@splitmask/kernels";
import { MaskedAutoencoder } from "@splitmask/methods";
import { silentTerminal, writeComparison, writeReport } from "@splitmask/pipelines";
import { RunFolder, train } from "@splitmask/trainer";
import { saveEncoder } from "@splitmask/vit";
import sharp from "sharp";

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
const device = createDevice({ threads: 1 });

/** A run as a program of its own makes it: a run folder with settings of its own, and the loop. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "splitmask-own-programs-"));
  await mkdir(at("pictures"));
  for (let number = 0; number < 8; number++) {
    const background = { r: 30 * number, g: 130, b: 255 - 20 * number };
    const picture = sharp({ create: { width: 24, height: 20, channels: 3, background } });
    await picture.png().toFile(at("pictures", `${number}.png`));
  }
  const normalization = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const;
  const batches = new ImageLoader({
    ...{ device, dataset: await imageFolder(at("pictures")), batchSize: 4, seed: 0 },
    views: [{ size: 16, ...normalization }],
  });
  const encoder = { imageSize: 16, patchSize: 4, width: 16, depth: 1, heads: 2, classToken: true };
  const task = new MaskedAutoencoder(device, { encoder, seed: 0 });
  const runFolder = await RunFolder.create(at("run"), { dream: "electric sheep", rate: 1e-3 });
  const schedule = { base: 1e-3, warmupSteps: 1 };
  await train({ device, task, batches, runFolder, length: { steps: 3 }, schedule, seed: 0 });
  batches.close();
  await runFolder.close();
  await saveEncoder(at("run", "encoder.safetensors"), { encoder: task.model.encoder, normalization });
});
afterAll(async () => {
  device.close();
  await rm(folder, { recursive: true });
});

test("has a report with its figures, its settings, and what its encoder makes of pictures", async () => {
  const run = at("run");
  const said: string[] = [];
  const terminal = { ...silentTerminal, line: (text = "") => void said.push(text) };
  const page = await readFile(await writeReport({ run, threads: 1 }, terminal), "utf8");
  for (const text of ["A run of a program of its own", "electric sheep", "dream"])
    expect(page).toContain(text);
  expect(said.join()).toContain("give some to look at with --pictures");
  expect(page).not.toContain("Attention");
  const looked = await writeReport({ run, pictures: at("pictures"), out: at("looked.html"), threads: 1 });
  expect(await readFile(looked, "utf8")).toContain("Attention");
});

test("stands beside other runs", async () => {
  const page = await writeComparison({ runs: [at("run"), at("run")], out: at("both.html") });
  expect(await readFile(page, "utf8")).toMatch(/aria-label="[^"]*: A from/);
});
