import { existsSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors, writeSafetensors } from "@splitmask/autograd";
import type { View } from "@splitmask/data";
import type { Device } from "@splitmask/kernels";
import { ClassifierModel } from "@splitmask/methods";
import { VisionTransformer, type VisionTransformerConfig } from "@splitmask/vit";

/** Name of the classifier's weights in a finished fine-tuning run. */
export const classifierFile = "model.safetensors";

/** Name of the evaluation's file in a finished fine-tuning run. */
export const evaluationFile = "evaluation.json";

/** What a reader of a classifier's weights has to know. */
export interface ClassifierDetails {
  /** The class names, by label. */
  readonly classes: readonly string[];
  /** Size and scale of the pictures. */
  readonly view: View;
  /** Share of the short side that the classifier was tested with, from the middle. */
  readonly cropRatio: number;
}

/** A classifier with what it was made for. */
export interface LoadedClassifier extends ClassifierDetails {
  /** The model. */
  readonly classifier: ClassifierModel;
}

const encoderPrefix = "encoder.";
const isHead = (name: string) => name.startsWith("head.") || name.startsWith("fc_norm.");

/**
 * Writes a classifier's weights under the names of timm's `VisionTransformer` with `global_pool="avg"`: the encoder's,
 * `fc_norm.*`, `head.*`. The metadata holds the encoder's config, the classes, and how pictures are shown to it.
 */
export async function writeClassifier(
  path: string,
  model: ClassifierModel,
  { classes, view, cropRatio }: ClassifierDetails,
): Promise<void> {
  const named = [...(await model.hostStateDict())].map(
    ([name, value]) => [isHead(name) ? name : name.slice(encoderPrefix.length), value] as const,
  );
  await writeSafetensors(path, new Map(named), {
    format: "pt",
    config: JSON.stringify(model.encoder.config),
    classes: JSON.stringify(classes),
    normalization: JSON.stringify({ mean: view.mean, std: view.std }),
    imageSize: String(view.size),
    cropRatio: String(cropRatio),
  });
}

/**
 * Loads the classifier of a finished fine-tuning run.
 *
 * @param device Where it goes.
 * @param path The run folder, or the `model.safetensors` of one.
 * @throws Error where there is none, or it is not one of these files.
 */
export async function loadClassifier(device: Device, path: string): Promise<LoadedClassifier> {
  const file = path.endsWith(".safetensors") ? path : join(path, classifierFile);
  if (!existsSync(file)) {
    throw new Error(
      existsSync(join(path, "config.json"))
        ? `${path}: there is no ${classifierFile}: it is written when \`splitmask finetune\` is done. ` +
            "Continue that run with --resume."
        : `${path}: is not a fine-tuning run (there is no ${classifierFile}). ` +
            "Give the folder that `splitmask finetune --out` wrote.",
    );
  }
  const { tensors, metadata } = await readSafetensors(file);
  const { config, classes: names, normalization, imageSize, cropRatio } = metadata ?? {};
  if (!config || !names || !normalization) {
    throw new Error(
      `${file}: its metadata has no config, classes and normalization. ` +
        "Give the file or the folder that `splitmask finetune` wrote.",
    );
  }
  const classes = JSON.parse(names) as string[];
  const { mean, std } = JSON.parse(normalization) as Pick<View, "mean" | "std">;
  const encoder = new VisionTransformer(device, JSON.parse(config) as VisionTransformerConfig, { seed: 0 });
  const classifier = new ClassifierModel(device, encoder, { classes: classes.length });
  classifier.loadStateDict(
    new Map([...tensors].map(([name, value]) => [isHead(name) ? name : encoderPrefix + name, value])),
  );
  return { classifier, classes, view: { size: Number(imageSize), mean, std }, cropRatio: Number(cropRatio) };
}
