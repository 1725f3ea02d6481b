import { join } from "node:path";
import { writeFileDurably } from "@splitmask/files";
import { UsageError } from "@splitmask/methods/settings";
import { type LibraryFormat, saveEncoder } from "@splitmask/vit";
import type { ExportedModel } from "./exportedModel.js";
import type { ExportOptions } from "./exportOptions.js";
import { modelCard } from "./modelCard.js";
import { makeOutFolder } from "./outFolder.js";

/** How each library loads the folder, as Markdown. */
const loading: Readonly<Record<LibraryFormat, string>> = {
  timm: `\`\`\`python
import timm

model = timm.create_model("local-dir:<this folder>", pretrained=True).eval()
features = model.forward_features(pixels)
\`\`\`
`,
  transformers: `\`\`\`python
from transformers import AutoImageProcessor, AutoModel

processor = AutoImageProcessor.from_pretrained("<this folder>")
model = AutoModel.from_pretrained("<this folder>").eval()
tokens = model(**processor(picture, return_tensors="pt")).last_hidden_state
\`\`\`
`,
};

/**
 * Writes a pre-trained encoder for timm or transformers: `model.safetensors` and `config.json`, for transformers
 * `preprocessor_config.json` too, and the model card `README.md`.
 *
 * @returns What writes it, and gives the files.
 */
export function writerFor(format: LibraryFormat) {
  return async (model: ExportedModel, folder: string, { weights }: ExportOptions): Promise<string[]> => {
    if (model.classifier !== null) {
      throw new UsageError(
        `--to: ${format} takes encoders, and the run has a classifier. Give a run of pretrain, or --to onnx; the ` +
          "names in the run's model.safetensors are timm's.",
      );
    }
    if (weights !== undefined && weights !== "float32")
      throw new UsageError(
        `--weights: got ${weights}, but ${format} gets float32. Leave it out, or give --to onnx.`,
      );
    await makeOutFolder(folder);
    const { encoder, view } = model;
    await saveEncoder(folder, { encoder, normalization: view }, { format });
    const card = join(folder, "README.md");
    await writeFileDurably(card, modelCard(model, { library: format, tags: [], loading: loading[format] }));
    return [folder, card];
  };
}
