import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ImageDataset, View } from "@splitmask/data";
import type { Device } from "@splitmask/kernels";
import { encoderView, type FigureNotes, type LookRequest, type Looks, type Method } from "@splitmask/methods";
import type { Choice } from "@splitmask/methods/settings";
import type { RecordedRun } from "@splitmask/report";
import type { VisionTransformer } from "@splitmask/vit";
import { rootOf } from "../pictures/pictures.js";
import { openRecordedPictures } from "../pictures/samePictures.js";
import { chooseSubset } from "../pictures/subset.js";
import { classifierFile, loadClassifier } from "../runs/classifierFile.js";
import { preparedSettings, type RunDescription, readRun } from "../runs/description.js";
import { readWeights } from "../runs/encoder.js";
import { methodOf, type RunMethod } from "../runs/methodOf.js";
import type { ClassificationSettings, PretrainingSettings } from "../settings/runSettings.js";
import { sourceOf } from "../settings/sourceFields.js";
import type { Terminal } from "../terminal/terminal.js";
import { pretrainingStep } from "../training/runStep.js";

/** A trained model, and how pictures are shown to it. */
export interface ReportedModel {
  /** The encoder. */
  readonly encoder: VisionTransformer;
  /** Parameters of the whole model. */
  readonly parameters: number;
  /** Size and scale of the pictures that the encoder sees. */
  readonly view: View;
  /** What a batch of the method holds; all views show the same crop. */
  readonly views: readonly View[];
  /** Share of the short side that is seen, from the middle. */
  readonly cropRatio: number;
  /** What the method shows besides its encoder; null: nothing. */
  readonly look: ((pictures: Pick<LookRequest<unknown>, "batch" | "gallery">) => Looks) | null;
}

/** What a report needs to know of a run, whatever was trained in it. */
export interface ReportedRun {
  /** How the encoder was trained: the end of a sentence that begins with the encoder. */
  readonly training: string;
  /** Whether it was trained with labels. */
  readonly withLabels: boolean;
  /** Width, depth, heads, side of a patch and of the picture. */
  readonly encoder: Readonly<Record<"width" | "depth" | "heads" | "patch" | "imageSize", number>>;
  /** What is read of the settings. */
  readonly config: {
    readonly batch: number;
    readonly clip: number | null;
    readonly seed: number;
    readonly valueRange: string | null;
  };
  /** How many pictures it was trained on. */
  readonly pictureCount: number;
  /** The decisions with their reasons. */
  readonly choices: readonly Choice[];
  /** What the method tells of its figures. */
  readonly figures: FigureNotes;
  /** The loss of guessing at random, where the method tells. */
  readonly chance: number | undefined;
  /** The pictures that are shown when no others are given, and where their paths start. */
  open(terminal: Terminal): Promise<{ readonly dataset: ImageDataset; readonly root: string }>;
  /** The model as it is now; null where there are no weights yet. */
  load(device: Device): Promise<ReportedModel | null>;
}

/**
 * Reads what a report needs to know of a run.
 *
 * @param recorded The run.
 * @param checkpoint The checkpoint that is looked at; null before the first.
 * @param given Its method, where the run folder does not tell it.
 * @throws Error where it is no run of this version.
 */
export async function readReportedRun(
  recorded: RecordedRun,
  checkpoint: { readonly path: string } | null,
  given?: RunMethod["method"],
): Promise<ReportedRun> {
  const { description } = await readRun(recorded.path);
  return description.kind === "classification"
    ? finetuned(description as RunDescription<ClassificationSettings>, recorded.path)
    : pretrained(
        description as RunDescription<PretrainingSettings>,
        await methodOf(description, given),
        recorded.path,
        checkpoint?.path ?? null,
      );
}

function pretrained(
  description: RunDescription<PretrainingSettings>,
  method: Method,
  path: string,
  checkpoint: string | null,
): ReportedRun {
  const { choices, config, pictureCount, pictures } = description;
  const settings = preparedSettings(description);
  return {
    ...{ config, encoder: config, pictureCount, choices, withLabels: false },
    training: `pre-trained with ${method.title} on ${pictureCount.toLocaleString("en")} pictures without labels`,
    ...{ figures: method.figures ?? {}, chance: method.chance?.(settings) },
    async open(terminal) {
      const options = { ...config, use: "pretraining" } as const;
      const all = await openRecordedPictures(pictures.path, "--pictures", terminal, options);
      return { dataset: await chooseSubset(all, config), root: rootOf(all) };
    },
    async load(device) {
      if (checkpoint === null) return null;
      const { preparation } = method;
      const parts = await preparation?.load(device, join(path, preparation.file));
      const task = method.create(device, settings, parts);
      task.model.loadStateDict(await readWeights(checkpoint, description));
      return {
        ...{ encoder: task.model.encoder, parameters: task.model.parameterCount, cropRatio: 1 },
        view: encoderView(settings),
        views: pretrainingStep(method)
          .views(settings)
          .map(({ augmentation: _, ...view }) => view),
        look: method.look === undefined ? null : (shown) => method.look!(task, { ...shown, settings }),
      };
    },
  };
}

function finetuned(description: RunDescription<ClassificationSettings>, path: string): ReportedRun {
  const { choices, classes, config, pictureCount, pretrained: first, test } = description;
  const start =
    first!.steps === null
      ? "trained from its first weights"
      : `fine-tuned after ${first!.steps.toLocaleString("en")} steps of pre-training`;
  return {
    ...{ config, encoder: config, pictureCount, choices, withLabels: true, figures: {}, chance: undefined },
    training: `${start}, with ${pictureCount.toLocaleString("en")} pictures of ${classes.length} classes`,
    async open(terminal) {
      const options = { ...sourceOf(config, "test"), use: "test", classes } as const;
      const dataset = await openRecordedPictures(test!.path, "--pictures", terminal, options);
      return { dataset, root: rootOf(dataset) };
    },
    async load(device) {
      if (!existsSync(join(path, classifierFile))) return null;
      const { classifier, cropRatio, view } = await loadClassifier(device, path);
      const { encoder, parameterCount: parameters } = classifier;
      return { encoder, parameters, view, views: [], cropRatio, look: null };
    },
  };
}
