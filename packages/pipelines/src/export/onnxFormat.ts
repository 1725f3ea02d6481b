import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileDurably } from "@splitmask/files";
import { UsageError } from "@splitmask/methods/settings";
import { checkOnnx, exportOnnx, type OnnxWeightFormat } from "@splitmask/onnx";
import type { Terminal } from "../terminal/terminal.js";
import type { ExportedModel } from "./exportedModel.js";
import type { ExportOptions } from "./exportOptions.js";
import { modelCard } from "./modelCard.js";

/** The file and the `dtype` of each format of weights, as transformers.js names them. */
const storedAs: Readonly<Record<OnnxWeightFormat, { readonly file: string; readonly dtype: string }>> = {
  float32: { file: "model.onnx", dtype: "fp32" },
  float16: { file: "model_fp16.onnx", dtype: "fp16" },
  int8: { file: "model_quantized.onnx", dtype: "q8" },
};

/** How far a model may be from ours, as `checkOnnx` measures it; null: it is told, and nothing is too far. */
const tolerances: Readonly<Record<OnnxWeightFormat, number | null>> = {
  float32: 1e-4,
  float16: 2e-2,
  int8: null,
};

/**
 * Writes a model as transformers.js and the Hugging Face hub expect it: `onnx/model.onnx` (`model_fp16.onnx`,
 * `model_quantized.onnx`), `config.json`, `preprocessor_config.json` and the model card `README.md`.
 *
 * @returns The files.
 */
export async function writeOnnxFolder(
  model: ExportedModel,
  folder: string,
  { weights = "float32" }: ExportOptions,
  terminal: Terminal,
): Promise<string[]> {
  await checkFolder(folder);
  const { dtype, file } = storedAs[weights];
  await mkdir(join(folder, "onnx"), { recursive: true });
  const path = join(folder, "onnx", file);
  const exported = model.classifier ?? model.encoder;
  const { mean, std } = model.view;
  await exportOnnx(path, exported, { weights, normalization: { mean, std } });
  await check(path, exported, weights, terminal);
  const texts = {
    "config.json": json(transformersConfig(model, dtype)),
    "preprocessor_config.json": json(preprocessorConfig(model)),
    "README.md": modelCard(model, `onnx/${file}`),
  };
  for (const [name, text] of Object.entries(texts)) await writeFileDurably(join(folder, name), text);
  return [path, ...Object.keys(texts).map((name) => join(folder, name))];
}

const json = (value: object) => `${JSON.stringify(value, null, 2)}\n`;

/** A folder with another `config.json`, such as a run's, is not written into. */
async function checkFolder(folder: string): Promise<void> {
  const path = join(folder, "config.json");
  if (!existsSync(path)) return;
  const config = JSON.parse(await readFile(path, "utf8").catch(() => "{}")) as {
    readonly model_type?: string;
  };
  if (config.model_type === "vit") return;
  throw new UsageError(`--out: ${folder} has another config.json, as run folders have. Give another folder.`);
}

/** Compares the model with ours, where onnxruntime-node is installed. */
async function check(
  path: string,
  model: Parameters<typeof checkOnnx>[1],
  weights: OnnxWeightFormat,
  terminal: Terminal,
): Promise<void> {
  try {
    const difference = await checkOnnx(path, model, { tolerance: tolerances[weights] });
    terminal.line(
      `checked in onnxruntime: largest difference ${difference.toPrecision(2)} of the largest value`,
    );
  } catch (error) {
    const { message } = error as Error;
    if (!message.includes("npm i onnxruntime-node")) throw error;
    terminal.warn(`the model was not compared with ours: ${message}`);
  }
}

/** `config.json` of transformers' ViT. */
function transformersConfig({ classes, classifier, encoder }: ExportedModel, dtype: string): object {
  const { channels, depth, epsilon, heads, imageSize, mlpRatio, patchSize, qkvBias, width } = encoder.config;
  const labels = {
    id2label: Object.fromEntries(classes.entries()),
    label2id: Object.fromEntries(classes.map((name, label) => [name, label])),
  };
  return {
    model_type: "vit",
    architectures: [classifier === null ? "ViTModel" : "ViTForImageClassification"],
    hidden_size: width,
    num_hidden_layers: depth,
    num_attention_heads: heads,
    intermediate_size: Math.round(width * mlpRatio),
    hidden_act: "gelu",
    layer_norm_eps: epsilon,
    qkv_bias: qkvBias,
    image_size: imageSize[0],
    patch_size: patchSize,
    num_channels: channels,
    ...(classifier === null ? {} : labels),
    "transformers.js_config": { dtype },
  };
}

/**
 * `preprocessor_config.json`: our evaluation view, with the short side in whole pixels before the middle is cut out.
 */
function preprocessorConfig({ cropRatio, view }: ExportedModel): object {
  const { mean, size, std } = view;
  return {
    // Unlike transformers' ViTImageProcessor this one cuts out the middle.
    image_processor_type: "CLIPImageProcessor",
    do_convert_rgb: true,
    do_resize: true,
    size: { shortest_edge: Math.round(size / cropRatio) },
    resample: 3,
    do_center_crop: true,
    crop_size: { height: size, width: size },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: mean,
    image_std: std,
  };
}
