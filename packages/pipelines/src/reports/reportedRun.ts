import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ImageDataset, View } from "@splitmask/data";
import type { Device } from "@splitmask/kernels";
import {
  discreteVaeMethod,
  encoderView,
  type FigureNotes,
  type LookRequest,
  type Looks,
} from "@splitmask/methods";
import type { RecordedRun, ReportData } from "@splitmask/report";
import { discreteVaePatch } from "@splitmask/tokenizer";
import { encoderFileName, loadEncoder, type VisionTransformer } from "@splitmask/vit";
import { holdOut, withLabels } from "../pictures/labelledPictures.js";
import { openRecordedPictures } from "../pictures/samePictures.js";
import { chooseSubset } from "../pictures/subset.js";
import { classifierFile, loadClassifier } from "../runs/classifierFile.js";
import { isDescription, preparedSettings, type RunDescription } from "../runs/description.js";
import { readWeights } from "../runs/encoder.js";
import { methodOf, type RunMethod } from "../runs/methodOf.js";
import type {
  ClassificationSettings,
  PretrainingSettings,
  TokenizerRunSettings,
} from "../settings/runSettings.js";
import { sourceOf } from "../settings/sourceFields.js";
import type { Terminal } from "../terminal/terminal.js";
import { pretrainingStep, tokenizerStep } from "../training/runStep.js";

/** A trained model, and how pictures are shown to it. */
export interface ReportedModel {
  /** The encoder that pictures are embedded with; null: of a tokenizer, which embeds none. */
  readonly encoder: VisionTransformer | null;
  /** Rows and columns of the patches that pictures are drawn in. */
  readonly grid: readonly [number, number];
  /** Parameters of the whole model. */
  readonly parameters: number;
  /** The encoder's view, and where the method shows something the others of a batch; all show the same crop. */
  readonly views: readonly [View, ...View[]];
  /** Share of the short side that is seen, from the middle. */
  readonly cropRatio: number;
  /** What the method shows besides its encoder; null: nothing. */
  readonly look:
    | ((pictures: Pick<LookRequest<unknown>, "batch" | "gallery">) => Looks | Promise<Looks>)
    | null;
}

/** What a report needs to know of a run, whatever was trained in it. */
export interface ReportedRun {
  /** What its page tells of its settings. */
  readonly settings: Pick<ReportData, "batch" | "clip" | "pictureCount" | "configuration">;
  /** Seed of what is drawn for the page. */
  readonly seed: number;
  /** The range of values that its pictures were shown in; null: they had 8 bits. */
  readonly valueRange: string | null;
  /** What was trained, and how: a sentence. */
  readonly summary: string;
  readonly withLabels: boolean;
  /** What the method tells of its figures. */
  readonly figures: FigureNotes;
  /** The loss of guessing at random, where the method tells. */
  readonly chance: number | undefined;
  /** Opens the pictures that are shown when no others are given; null: none are known. */
  readonly open: ((terminal: Terminal) => Promise<ImageDataset>) | null;
  /** The model as it is now; null where there are no weights yet. */
  load(device: Device): Promise<ReportedModel | null>;
}

/** A sentence about an encoder. */
function encoderSummary(
  { depth, heads, imageSize, patch, width }: PretrainingSettings | ClassificationSettings,
  training: string,
): string {
  return (
    `A vision transformer (width ${width}, depth ${depth}, ${heads} heads, patches of ${patch} pixels at ` +
    `${imageSize}×${imageSize}), ${training}.`
  );
}

/**
 * Reads what a report needs to know of a run.
 *
 * @param checkpoint The checkpoint that is looked at; null before the first.
 * @param given Its method, where the run folder does not tell it.
 */
export async function readReportedRun(
  { config, path }: RecordedRun,
  checkpoint: { readonly path: string } | null,
  given: RunMethod["method"],
): Promise<ReportedRun> {
  if (!isDescription(config)) return ownProgram(path, config);
  const description = config;
  if (description.kind === "tokenizer")
    return fittedTokenizer(description as RunDescription<TokenizerRunSettings>, checkpoint?.path);
  return description.kind === "classification"
    ? finetuned(description as RunDescription<ClassificationSettings>, path)
    : pretrained(description as RunDescription<PretrainingSettings>, path, checkpoint?.path, given);
}

/** What a run's description tells a page. */
function told({ choices, config, pictureCount }: RunDescription) {
  const { batch, clip, seed, valueRange } = config;
  return { settings: { batch, clip, pictureCount, configuration: choices }, seed, valueRange };
}

/** A run of a program of its own: `train` wrote its figures, and `saveEncoder` perhaps its encoder. */
function ownProgram(path: string, config: unknown): ReportedRun {
  const written = Object.entries((config ?? {}) as object);
  const configuration = written.map(([name, value]) => ({ name, value: JSON.stringify(value), reason: "" }));
  const file = join(path, encoderFileName);
  return {
    ...{ settings: { configuration }, seed: 0, valueRange: null, withLabels: false, figures: {} },
    ...{ chance: undefined, open: null },
    summary: "A run of a program of its own, with the settings that it wrote.",
    async load(device) {
      if (!existsSync(file)) return null;
      const { encoder, normalization } = await loadEncoder(device, file);
      const [size] = encoder.config.imageSize;
      const { mean, std } = normalization as Pick<View, "mean" | "std">;
      return {
        ...{ encoder, grid: encoder.grid, parameters: encoder.parameterCount },
        ...{ views: [{ size, mean, std }], cropRatio: 1, look: null },
      };
    },
  };
}

async function pretrained(
  description: RunDescription<PretrainingSettings>,
  path: string,
  checkpoint: string | undefined,
  given: RunMethod["method"],
): Promise<ReportedRun> {
  const { classes, config, pictureCount, pictures } = description;
  const withLabels = classes.length > 0;
  const shown = withLabels ? `of ${classes.length} classes` : "without labels";
  const method = await methodOf(description, given);
  const { figures = {}, look, preparation, title } = method;
  const settings = preparedSettings(description);
  return {
    ...{ ...told(description), withLabels, figures, chance: method.chance?.(settings) },
    summary: encoderSummary(
      config,
      `pre-trained with ${title} on ${pictureCount.toLocaleString("en")} pictures ${shown}`,
    ),
    open: (terminal) => openTrainingPictures(pictures.path, config, terminal),
    async load(device) {
      if (checkpoint === undefined) return null;
      const parts = await preparation?.load(device, join(path, preparation.file), settings);
      const task = method.create(device, settings, parts);
      task.model.loadStateDict(await readWeights(checkpoint, description));
      // Without it, views with an augmentation of their own would all be the middle of the picture.
      const [seen, ...others] = pretrainingStep(method)
        .views(settings)
        .filter(({ augmentation }, index) => index === 0 || augmentation === undefined)
        .map(({ augmentation: _, ...view }): View => view);
      return {
        ...{ encoder: task.model.encoder, grid: task.model.encoder.grid },
        ...{ parameters: task.model.parameterCount, cropRatio: 1 },
        views: look === undefined ? [seen!] : [seen!, ...others],
        look: look === undefined ? null : (shown) => look(task, { ...shown, settings }),
      };
    },
  };
}

function finetuned(description: RunDescription<ClassificationSettings>, path: string): ReportedRun {
  const { classes, config, pictureCount, pretrained: first, test } = description;
  const start =
    first!.steps === null
      ? "trained from its first weights"
      : `fine-tuned after ${first!.steps.toLocaleString("en")} steps of pre-training`;
  return {
    ...{ ...told(description), withLabels: true, figures: {}, chance: undefined },
    summary: encoderSummary(
      config,
      `${start}, with ${pictureCount.toLocaleString("en")} pictures of ${classes.length} classes`,
    ),
    async open(terminal) {
      const { heldOut } = config;
      const which = heldOut === null ? "test" : "train";
      const use = heldOut === null ? "test" : "training";
      const options = { ...sourceOf(config, which), use, classes } as const;
      const opened = await openRecordedPictures(test!.path, "--pictures", terminal, options);
      return heldOut === null
        ? opened
        : holdOut(withLabels("--pictures", test!.path, opened, terminal), heldOut)[1];
    },
    async load(device) {
      if (!existsSync(join(path, classifierFile))) return null;
      const { classifier, cropRatio, view } = await loadClassifier(device, path);
      const { encoder, parameterCount: parameters } = classifier;
      return { encoder, grid: encoder.grid, parameters, views: [view], cropRatio, look: null };
    },
  };
}

function fittedTokenizer(
  description: RunDescription<TokenizerRunSettings>,
  checkpoint: string | undefined,
): ReportedRun {
  const { config, pictureCount, pictures } = description;
  const { figures, look, title } = discreteVaeMethod;
  const settings = preparedSettings(description);
  const { hiddenWidth, imageSize, vocabulary } = config;
  return {
    ...{ ...told(description), withLabels: false, figures, chance: undefined },
    summary:
      `A tokenizer of ${vocabulary.toLocaleString("en")} words, a ${title} (${hiddenWidth} channels at full ` +
      `resolution), trained on ${pictureCount.toLocaleString("en")} pictures at ${imageSize}×${imageSize}.`,
    open: (terminal) => openTrainingPictures(pictures.path, config, terminal),
    async load(device) {
      if (checkpoint === undefined) return null;
      const task = tokenizerStep.create(device, settings);
      task.model.loadStateDict(await readWeights(checkpoint, description));
      const side = imageSize / discreteVaePatch;
      return {
        ...{ encoder: null, grid: [side, side], parameters: task.model.parameterCount, cropRatio: 1 },
        views: [encoderView(settings)],
        look: (shown) => look(task, { ...shown, settings }),
      };
    },
  };
}

/** The pictures that a run learned from without labels. */
async function openTrainingPictures(
  path: string,
  config: PretrainingSettings | TokenizerRunSettings,
  terminal: Terminal,
): Promise<ImageDataset> {
  const all = await openRecordedPictures(path, "--pictures", terminal, { ...config, use: "pretraining" });
  return chooseSubset(all, config);
}
