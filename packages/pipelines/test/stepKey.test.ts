import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { namedFiles } from "../src/study/stepKey.js";

test("a step's key depends on what the files hold that its settings name, and not on other texts", async () => {
  const folder = await mkdtemp(join(tmpdir(), "splitmask-step-key-"));
  const settings = {
    tokenizer: join(folder, "tokenizer.safetensors"),
    cacheFolder: folder,
    mask: "block",
    batch: 4,
  };
  await writeFile(settings.tokenizer, "first");
  const first = await namedFiles(settings);
  await writeFile(settings.tokenizer, "second");
  const second = await namedFiles(settings);
  await rm(folder, { recursive: true });
  expect([Object.keys(first), Object.keys(second)]).toEqual([["tokenizer"], ["tokenizer"]]);
  expect(first.tokenizer).not.toBe(second.tokenizer);
  expect(await namedFiles(settings)).toEqual({});
});
