import type { ExportedModel } from "./exportedModel.js";

/** What a card says of the format. */
export interface CardFormat {
  /** The library that loads it first, by the hub's name. */
  readonly library: string;
  /** The hub's tags for the format. */
  readonly tags: readonly string[];
  /** How to load it, as Markdown. */
  readonly loading: string;
}

/** The hub's name of what a model does. */
export const taskOf = ({ classifier }: Pick<ExportedModel, "classifier">) =>
  classifier === null ? "image-feature-extraction" : "image-classification";

/**
 * The README.md of a model as the Hugging Face hub expects it: what it is, how it was trained, what it is worth, and
 * how to load it.
 */
export function modelCard(model: ExportedModel, { library, loading, tags }: CardFormat): string {
  const { classes, classifier, description, encoder, measures } = model;
  const { depth, heads, imageSize, patchSize, width } = encoder.config;
  const what =
    classifier === null
      ? `A vision transformer, pre-trained with the method ${description.method} by SplitMask.`
      : `A vision transformer that classifies pictures (${classes.length} classes), fine-tuned by SplitMask.`;
  return `---
library_name: ${library}
pipeline_tag: ${taskOf(model)}
tags:
  - splitmask
${tags.map((tag) => `  - ${tag}\n`).join("")}  - vision-transformer
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

${loading}`;
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
