import type { ExportedModel } from "./exportedModel.js";

/**
 * The README.md of a model as the Hugging Face hub expects it: what it is, how it was trained, what it is worth, and
 * how to load it.
 *
 * @param file The model's file within the folder.
 */
export function modelCard(model: ExportedModel, file: string): string {
  const { classes, classifier, description, encoder, measures } = model;
  const { depth, heads, imageSize, patchSize, width } = encoder.config;
  const task = classifier === null ? "image-feature-extraction" : "image-classification";
  const what =
    classifier === null
      ? `A vision transformer, pre-trained with the method ${description.method} by SplitMask.`
      : `A vision transformer that classifies pictures (${classes.length} classes), fine-tuned by SplitMask.`;
  const [outputs, names] =
    classifier === null
      ? ["tokens, features", '"last_hidden_state", "pooler_output"']
      : ["(logits,)", '"logits"'];
  return `---
library_name: transformers.js
pipeline_tag: ${task}
tags:
  - splitmask
  - onnx
  - vision-transformer
  - ${description.method}
license: other # choose yours: https://huggingface.co/docs/hub/repositories-licenses
---

# Model

${what}

## Model and training

${table({
  pictures: description.pictureCount,
  "size of a picture": imageSize.join("×"),
  "patch size": patchSize,
  width,
  "blocks, heads": `${depth}, ${heads}`,
  parameters: (classifier ?? encoder).parameterCount,
  ...settingsOf(description.config),
})}

The license is for you to choose: it depends on the pictures, too.

## Measures

${Object.keys(measures).length === 0 ? "The run folder has none." : table(measures)}

## How to load it

transformers.js:

\`\`\`js
import { pipeline } from "@huggingface/transformers";

const model = await pipeline("${task}", "<this folder or repository>");
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

/** The settings that say how a model was trained, where its kind of run has them. */
function settingsOf(config: object): Readonly<Record<string, unknown>> {
  const names = ["epochs", "steps", "batch", "learningRate", "weightDecay", "seed"];
  const known = Object.entries(config).filter(([name]) => names.includes(name));
  return Object.fromEntries(known.filter(([, value]) => ["number", "string"].includes(typeof value)));
}

function table(rows: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(rows).map(([name, value]) => `| ${name} | ${shown(value)} |`);
  return ["| | |", "| --- | --- |", ...lines].join("\n");
}

const shown = (value: unknown) =>
  typeof value === "number" && !Number.isInteger(value) ? value.toPrecision(4) : String(value);
