import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { slice, zeros } from "@splitmask/autograd";
import { ModelFixture } from "@splitmask/autograd/testing";
import { createDevice } from "@splitmask/kernels";
import { OnnxModel } from "@splitmask/onnx";
import { loadRuntime } from "../src/runtime.js";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const modelPath = (name: string) => fileURLToPath(new URL(`fixtures/${name}.onnx`, import.meta.url));
const readFixture = () => ModelFixture.read(new URL("fixtures/outputs.safetensors", import.meta.url));

describe("a model with open sizes", () => {
  test("tells what it takes and gives", async () => {
    const model = await OnnxModel.load(modelPath("teacher"), { threads: 1 });
    expect(model.input).toEqual({ name: "pixels", type: "float32", shape: ["batch", 3, "height", "width"] });
    expect(model.outputs).toEqual([
      { name: "tokens", type: "float32", shape: ["batch", "patches", 12] },
      { name: "pooled", type: "float32", shape: ["batch", 12] },
    ]);
    expect(model.imageSize).toBeNull();
    await model.close();
  });

  test("gives what ONNX's reference evaluator gives, whatever the number of threads", async () => {
    const fixture = await readFixture();
    const pixels = fixture.upload(device, "pixels");
    const given: (readonly number[])[] = [];
    for (const threads of [1, 2]) {
      const model = await OnnxModel.load(modelPath("teacher"), { threads });
      const [tokens, pooled] = [await model.run(pixels), await model.run(pixels, { output: "pooled" })];
      expect([tokens.shape, pooled.shape]).toEqual([
        [4, 4, 12],
        [4, 12],
      ]);
      expect(await fixture.error(tokens, "tokens")).toBeLessThan(1e-5);
      expect(await fixture.error(pooled, "pooled")).toBeLessThan(1e-5);
      given.push(Array.from(await tokens.data()));
      await model.close();
    }
    expect(given[1]).toEqual(given[0]);
  });

  test("takes pictures of any size", async () => {
    const model = await OnnxModel.load(modelPath("teacher"));
    expect((await model.run(zeros(device, [3, 3, 24, 24]))).shape).toEqual([3, 9, 12]);
    await model.close();
  });
});

describe("a model for two pictures of 16×16", () => {
  test("is run twice for four, and gives the same", async () => {
    const fixture = await readFixture();
    const model = await OnnxModel.load(modelPath("fixed"));
    expect(model.imageSize).toBe(16);
    expect(await fixture.error(await model.run(fixture.upload(device, "pixels")), "tokens")).toBeLessThan(
      1e-5,
    );
    await model.close();
  });

  test("says which pictures it does not take", async () => {
    const fixture = await readFixture();
    const model = await OnnxModel.load(modelPath("fixed"));
    await expect(model.run(slice(fixture.upload(device, "pixels"), 0, 0, 3))).rejects.toThrow(
      "fixed.onnx takes 2 pictures at a time; got 3. Give a multiple of 2, or export it with an open number",
    );
    await expect(model.run(zeros(device, [2, 3, 24, 24]))).rejects.toThrow(
      'fixed.onnx takes "pixels" (float32 2×3×16×16); got float32 2×3×24×24. Give float32 pictures of its size',
    );
    await expect(model.run(zeros(device, [2, 3, 16]))).rejects.toThrow("got float32 2×3×16.");
    await expect(model.run(fixture.upload(device, "pixels"), { output: "logits" })).rejects.toThrow(
      'fixed.onnx has no output "logits"; it has "tokens" (float32 2×4×12), "pooled" (float32 2×12).',
    );
    await model.close();
  });
});

test("says which models it does not run", async () => {
  await expect(OnnxModel.load(modelPath("twoInputs"))).rejects.toThrow(
    'twoInputs.onnx has 2 inputs: "left" (float32 batch×3×16×16), "right" (float32 batch×3×16×16); ' +
      "expected one input of float32 pictures, B×3×H×W. Export the part of the model that takes pictures alone.",
  );
  await expect(OnnxModel.load(modelPath("bytes"))).rejects.toThrow(
    'bytes.onnx takes "pixels" (uint8 batch×3×16×16); expected one input of float32 pictures, B×3×H×W. ' +
      "Export it with float32 inputs and outputs; a quantized model may have int8 weights within.",
  );
  const integers = await OnnxModel.load(modelPath("integers"));
  await expect(integers.run(zeros(device, [1, 3, 16, 16]))).rejects.toThrow(
    'integers.onnx: the output is "words" (int8 batch×3×16×16); expected float32. Choose another output',
  );
  await integers.close();
  await expect(OnnxModel.load("nowhere.onnx")).rejects.toThrow(
    /nowhere.onnx cannot be read as an ONNX model/,
  );
  const folder = await mkdtemp(join(tmpdir(), "onnx-"));
  await writeFile(join(folder, "damaged.onnx"), "no model");
  await expect(OnnxModel.load(join(folder, "damaged.onnx"))).rejects.toThrow(
    /damaged.onnx cannot be read as an ONNX model: .*Give the path of an .onnx file/s,
  );
  await rm(folder, { recursive: true });
});

test.each([
  ["ERR_MODULE_NOT_FOUND", "onnx: an ONNX model runs in onnxruntime-node, which is not installed."],
  ["ERR_DLOPEN_FAILED", "onnx: onnxruntime-node could not be loaded: no library."],
])("says how to install onnxruntime-node: %s", async (code, text) => {
  const importIt = () => Promise.reject(Object.assign(new Error("no library"), { code }));
  const problem = await loadRuntime(importIt).catch((error: Error) => error.message);
  expect(problem).toContain(text);
  expect(problem).toContain("npm i onnxruntime-node");
});
