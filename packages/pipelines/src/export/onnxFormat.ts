import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { writeFileDurably } from "@splitmask/files";
import { checkOnnx, exportOnnx, type OnnxWeightFormat } from "@splitmask/onnx";
import type { Terminal } from "../terminal/terminal.js";
import type { ExportedModel } from "./exportedModel.js";
import type { ExportOptions } from "./exportOptions.js";
import { modelCard, taskOf } from "./modelCard.js";
import { makeOutFolder } from "./outFolder.js";

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
  await makeOutFolder(folder);
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
    "README.md": modelCard(model, {
      library: "transformers.js",
      tags: ["onnx"],
      loading: loadingOf(model, `onnx/${file}`),
    }),
  };
  for (const [name, text] of Object.entries(texts)) await writeFileDurably(join(folder, name), text);
  return [path, ...Object.keys(texts).map((name) => join(folder, name))];
}

const json = (value: object) => `${JSON.stringify(value, null, 2)}\n`;

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

/** How the folder's model is loaded, as Markdown. */
function loadingOf({ classifier, encoder }: ExportedModel, file: string): string {
  const [outputs, names] =
    classifier === null
      ? ["tokens, features", '"last_hidden_state", "pooler_output"']
      : ["(logits,)", '"logits"'];
  return `transformers.js:

\`\`\`js
import { pipeline } from "@huggingface/transformers";

const model = await pipeline("${taskOf({ classifier })}", "<this folder or repository>");
const output = await model("picture.jpg"${classifier === null ? ", { pool: true }" : ""});
\`\`\`

onnxruntime (\`pixel_values\`: B×${encoder.config.channels}×H×W, float32, normalized as preprocessor_config.json says):

\`\`\`python
import onnxruntime

session = onnxruntime.InferenceSession("${file}")
${outputs} = session.run([${names}], {"pixel_values": pixels})
\`\`\`

SplitMask:

\`\`\`js
import { ${classifier === null ? "OnnxEncoder" : "OnnxModel"} } from "@splitmask/onnx";

const model = await ${classifier === null ? "OnnxEncoder" : "OnnxModel"}.load("${file}");
const ${classifier === null ? "features = await model.encode(pictures)" : "logits = await model.run(pictures)"};
\`\`\`
`;
}
