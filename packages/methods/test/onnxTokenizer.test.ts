import { fileURLToPath } from "node:url";
import { normal } from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";
import { Beit, beitMethod, examineTokenizer, SplitMask } from "@splitmask/methods";
import { OnnxTokenizer } from "@splitmask/onnx";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const path = fileURLToPath(new URL("../../onnx/test/fixtures/tokenizer.onnx", import.meta.url));
const encoder = { imageSize: 32, patchSize: 8, width: 24, depth: 1, heads: 3 };
const context = { training: true, seed: 0, step: 0 };

const makeBatch = () => ({
  views: [0, 1].map((seed) => normal(device, [4, 3, 32, 32], { key: { seed, purpose: "pictures" } })),
  ...{ labels: new Int32Array(4), indices: new Int32Array(4) },
});

test("its file gives the sizes of an ONNX model's words", async () => {
  expect(await examineTokenizer({ tokenizer: path })).toEqual({
    ...{ tokenizer: path, vocabulary: 10, tokenizerPatch: 8 },
  });
  await expect(examineTokenizer({ tokenizer: path, vocabulary: 64 })).rejects.toThrow(
    /^vocabulary: 64, but the tokenizer .*tokenizer.onnx has 10; leave it out/,
  );
});

test.each([
  ["BEiT", Beit],
  ["SplitMask", SplitMask],
] as const)("%s learns its words, which are found before the step", async (_, Task) => {
  const tokenizer = await OnnxTokenizer.open(path);
  const task = new Task(device, { encoder, tokenizer });
  expect(task.secondsToPrepare).toBeCloseTo(16 * tokenizer.secondsPerWord, 12);
  expect(() => task.loss(makeBatch(), context)).toThrow("were not prepared");
  const batch = makeBatch();
  const prepared = await task.prepare(batch);
  expect([prepared.views[1]!.dtype, prepared.views[1]!.shape, batch.views[1]!.disposed]).toEqual([
    "int32",
    [4, 16],
    true,
  ]);
  const { total } = task.loss(prepared, context);
  total.backward();
  expect(Number.isFinite(await total.item())).toBe(true);
});

test("a report shows its words", async () => {
  const tokenizer = await OnnxTokenizer.open(path);
  const task = new Beit(device, { encoder, tokenizer });
  const settings = { precision: "float32", seed: 0 } as Parameters<
    NonNullable<typeof beitMethod.look>
  >[1]["settings"];
  const { panels, words } = await beitMethod.look!(task, {
    batch: makeBatch(),
    gallery: [makeBatch()],
    settings,
  });
  expect(panels.map(({ caption }) => caption)).toEqual([
    "in words",
    "the encoder sees",
    "the encoder predicts",
  ]);
  expect(words!.tokenizer.tokenize(words!.pictures[0]!).shape).toEqual([4, 16]);
});
