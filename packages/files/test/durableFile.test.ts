import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeFileDurably } from "@splitmask/files";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "splitmask-durable-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("text, bytes and parts replace what was there, and nothing is left beside", async () => {
  const path = join(folder, "file");
  await writeFileDurably(path, "long old text");
  await writeFileDurably(path, "text");
  expect(readFileSync(path, "utf8")).toBe("text");
  await writeFileDurably(path, Uint8Array.of(1, 2));
  expect([...readFileSync(path)]).toEqual([1, 2]);
  await writeFileDurably(path, [Uint8Array.of(3), new Uint8Array(0), Uint8Array.of(4, 5)]);
  expect([...readFileSync(path)]).toEqual([3, 4, 5]);
  expect(readdirSync(folder)).toEqual(["file"]);
});

test("what cannot take its place leaves nothing behind", async () => {
  mkdirSync(join(folder, "taken", "inside"), { recursive: true });
  await expect(writeFileDurably(join(folder, "taken"), "text")).rejects.toThrow(
    /EISDIR|ENOTEMPTY|EEXIST|EPERM/,
  );
  expect(readdirSync(folder)).toEqual(["taken"]);
  await expect(writeFileDurably(join(folder, "none", "file"), "text")).rejects.toThrow("ENOENT");
});
