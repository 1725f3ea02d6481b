import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type HostTensor,
  parseSafetensors,
  readSafetensors,
  serializeSafetensors,
  tensor,
  writeSafetensors,
} from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";

const folder = await mkdtemp(join(tmpdir(), "safetensors-"));
afterAll(() => rm(folder, { recursive: true }));

const tensors = new Map<string, HostTensor>([
  ["bytes", { dtype: "uint8", shape: [3], data: Uint8Array.of(1, 2, 3) }],
  ["weight", { dtype: "float32", shape: [2, 2], data: Float32Array.of(1, -2, Number.NaN, 1e-40) }],
  ["größe", { dtype: "int32", shape: [], data: Int32Array.of(-7) }],
  ["long", { dtype: "int64", shape: [1], data: BigInt64Array.of(2n ** 40n) }],
  ["double", { dtype: "float64", shape: [0, 4], data: new Float64Array(0) }],
]);

/** A file with a header of one's own. */
function file(header: unknown, data: number[] = []): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

test("writes and reads back every dtype, with metadata", async () => {
  const path = join(folder, "all.safetensors");
  await writeSafetensors(path, tensors, { format: "pt" });
  const back = await readSafetensors(path);
  expect(back.metadata).toEqual({ format: "pt" });
  expect(new Map([...back.tensors].sort())).toEqual(new Map([...tensors].sort()));
  expect(await readdir(folder)).toEqual(["all.safetensors"]);
});

test("aligns header and tensors to eight bytes", () => {
  const bytes = serializeSafetensors(tensors);
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const text = new TextDecoder().decode(bytes.subarray(8, 8 + length));
  expect(length % 8).toBe(0);
  expect(text.trimEnd().endsWith("}")).toBe(true);
  for (const [name, entry] of Object.entries(
    JSON.parse(text) as Record<string, { data_offsets: number[] }>,
  )) {
    const data = tensors.get(name)!.data;
    expect(entry.data_offsets[0]! % data.BYTES_PER_ELEMENT).toBe(0);
  }
});

test("reads F16 and BF16 as float32, and bytes at odd places", () => {
  const header = {
    odd: { dtype: "U8", shape: [1], data_offsets: [0, 1] },
    half: { dtype: "F16", shape: [5], data_offsets: [1, 11] },
    brain: { dtype: "BF16", shape: [2], data_offsets: [11, 15] },
  };
  const half = [0x00, 0x3c, 0x01, 0x00, 0x00, 0xfc, 0xff, 0x7b, 0x00, 0xc1];
  const { tensors: read } = parseSafetensors(file(header, [9, ...half, 0x80, 0x3f, 0x20, 0xc1]));
  expect([...read.get("half")!.data]).toEqual([1, 2 ** -24, Number.NEGATIVE_INFINITY, 65504, -2.5]);
  expect([...read.get("brain")!.data]).toEqual([1, -10]);
  expect(read.get("half")!.dtype).toBe("float32");
});

test("a tensor read from a file goes to the device", async () => {
  const device = createDevice({ threads: 1 });
  const made = tensor(device, parseSafetensors(serializeSafetensors(tensors)).tensors.get("größe")!);
  expect([made.dtype, made.shape, await made.item()]).toEqual(["int32", [], -7]);
  device.close();
});

const one = { dtype: "F32", shape: [1], data_offsets: [0, 4] };
test.each([
  ["has 3 bytes; a header's length alone takes 8", Uint8Array.of(1, 2, 3)],
  ["says its header has 1000 bytes, but only 2 follow", Uint8Array.of(232, 3, 0, 0, 0, 0, 0, 0, 1, 2)],
  ["has a header that is not JSON", file("{nonsense")],
  ["has a header that is not an object", file([1])],
  ["holds a as F8_E4M3, which is not among F64, F32", file({ a: { ...one, dtype: "F8_E4M3" } }, [1])],
  ["has no valid shape and offsets for a", file({ a: { dtype: "F32", shape: [-1], data_offsets: [0, 4] } })],
  ["gives a 4 bytes, but 2 F32 takes 8", file({ a: { ...one, shape: [2] } }, [0, 0, 0, 0])],
  ["ends at byte 2 of its data, but a lies at 0 … 4", file({ a: one }, [0, 0])],
  [
    "leaves a gap or an overlap before b: it starts at 2, expected 4",
    file({ a: one, b: { ...one, data_offsets: [2, 6] } }, [0, 0, 0, 0, 0, 0]),
  ],
  [
    "leaves a gap or an overlap before a: it starts at 4, expected 0",
    file({ a: { ...one, data_offsets: [4, 8] } }, [0, 0, 0, 0, 0, 0, 0, 0]),
  ],
  ["has 1 bytes after its last tensor", file({ a: one }, [0, 0, 0, 0, 0])],
])("a file that %s is refused", async (text, bytes) => {
  const path = join(folder, "bad.safetensors");
  await writeFile(path, bytes);
  await expect(readSafetensors(path)).rejects.toThrow(`readSafetensors: ${path} ${text}`);
});

test("a write that fails leaves the old file and no piece beside it", async () => {
  const path = join(folder, "kept.safetensors");
  await writeSafetensors(path, tensors);
  const wrong = new Map<string, HostTensor>([
    ["a", { dtype: "float32", shape: [3], data: new Float32Array(2) }],
  ]);
  await expect(writeSafetensors(path, wrong)).rejects.toThrow("a is 3, 3 elements, but its data holds 2");
  expect((await readSafetensors(path)).tensors.size).toBe(tensors.size);
  await expect(writeSafetensors(join(folder, "missing", "x.safetensors"), tensors)).rejects.toThrow("ENOENT");
  expect((await readdir(folder)).filter((name) => name.endsWith(".partial"))).toEqual([]);
});
