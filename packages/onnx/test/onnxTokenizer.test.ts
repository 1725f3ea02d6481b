import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { slice, zeros } from "@splitmask/autograd";
import { ModelFixture } from "@splitmask/autograd/testing";
import { createDevice } from "@splitmask/kernels";
import { OnnxTokenizer, onnxTokenizerKind } from "@splitmask/onnx";
import { checkTokenizer, countWords } from "@splitmask/tokenizer";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const modelPath = (name: string) => fileURLToPath(new URL(`fixtures/${name}.onnx`, import.meta.url));
const readFixture = () => ModelFixture.read(new URL("fixtures/outputs.safetensors", import.meta.url));

test("gives the words of ONNX's reference evaluator for 0.4·p + 0.5, DALL-E's scale", async () => {
  const fixture = await readFixture();
  const tokenizer = await OnnxTokenizer.open(modelPath("tokenizer"));
  expect(tokenizer).toMatchObject({ name: "onnx", vocabularySize: 10, patchSize: 8 });
  expect(tokenizer.secondsPerWord).toBeGreaterThan(0);
  const pixels = fixture.upload(device, "pixels");
  const words = await tokenizer.prepare(pixels);
  expect(words.shape).toEqual([4, 4]);
  const expected = Array.from(fixture.get("words").data as Int32Array);
  expect(new Set(expected).size).toBeGreaterThan(2);
  expect(Array.from(await words.data())).toEqual(expected);
  // What was prepared is known, and words pass through.
  expect(Array.from(await tokenizer.tokenize(pixels).data())).toEqual(expected);
  expect(tokenizer.tokenize(words)).toBe(words);
  expect(() => tokenizer.tokenize(slice(pixels, 0, 0, 2))).toThrow(
    /^OnnxTokenizer: these pixels, 2×3×16×16, were not prepared, and .*tokenizer.onnx cannot run within a step/,
  );
});

test("goes through many pictures in parts, and is checked and counted as other tokenizers are", async () => {
  const tokenizer = await OnnxTokenizer.open(modelPath("tokenizer"));
  expect((await tokenizer.prepare(zeros(device, [35, 3, 24, 24]))).shape).toEqual([35, 9]);
  await checkTokenizer(device, tokenizer, { vocabularySize: 10, patchSize: 8 });
  const fixture = await readFixture();
  async function* crops() {
    yield fixture.upload(device, "pixels");
  }
  expect(await countWords(tokenizer, crops())).toMatchObject({ patches: 16 });
});

test("is kept by path and hash, and another file is refused", async () => {
  const folder = await mkdtemp(join(tmpdir(), "words-"));
  const [model, kept] = [join(folder, "encoder.onnx"), join(folder, "tokenizer.safetensors")];
  await copyFile(modelPath("tokenizer"), model);
  const kind = await onnxTokenizerKind(model, { pixels: { scale: 1, offset: 0 } });
  expect(kind).toMatchObject({ name: "onnx", vocabularySize: 10, patchSize: 8 });
  const tokenizer = (await kind.fit!(device, {} as never)) as OnnxTokenizer;
  await tokenizer.save(kept);
  const pixels = (await readFixture()).upload(device, "pixels");
  const words = Array.from(await (await tokenizer.prepare(pixels)).data());
  const again = (await kind.load(device, kept)) as OnnxTokenizer;
  expect(Array.from(await (await again.prepare(pixels)).data())).toEqual(words);
  await copyFile(modelPath("teacher"), model);
  await expect(OnnxTokenizer.load(kept)).rejects.toThrow(
    /encoder.onnx is another file than when .* was written: .*Put that file back, or start a new run/,
  );
  await rm(model);
  await expect(OnnxTokenizer.load(kept)).rejects.toThrow(/encoder.onnx cannot be read: .*Put it back/);
  await rm(folder, { recursive: true });
});

test("a model without logits over words is refused", async () => {
  await expect(OnnxTokenizer.open(modelPath("teacher"))).rejects.toThrow(
    /teacher.onnx gives 1×64×12 for a picture of 64 pixels; expected logits over words, B×V×h×w or B×h×w×V/,
  );
});
