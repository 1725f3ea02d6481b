import { join, resolve } from "node:path";
import { measureNormalization } from "@splitmask/data";
import { encoderConfig, encoderView, type Method } from "@splitmask/methods";
import { pretrainingWork } from "../estimate/pretrainingWork.js";
import { checkSamePictures, identityOf } from "../pictures/samePictures.js";
import { scanPictures } from "../pictures/scanPictures.js";
import { changedSettings, preparedSettings } from "../runs/description.js";
import { encoderFile, writeEncoder } from "../runs/encoderFile.js";
import type { Config } from "../settings/config.js";
import { pretrainingFields } from "../settings/fields.js";
import { resolveConfig } from "../settings/resolve.js";
import { monitorRhythm } from "../settings/resolveMonitor.js";
import type { PretrainingSettings } from "../settings/runSettings.js";
import { pretrainingBatches, pretrainingViews } from "./batches.js";
import { pretrainingCosts } from "./costOf.js";
import { monitorEvaluation, monitorFigure, openMonitor } from "./monitor.js";
import { foundText, ignoredText, tellDecisions } from "./plan.js";
import { prepareParts } from "./prepareParts.js";
import { monitorMoved, warnOfOtherMonitor } from "./resumedMonitor.js";
import type { RunKind } from "./runKind.js";

/** What came of a pre-training run, besides what all runs give. */
export interface PretrainingOutcome {
  /** Why the monitor's figures may not mean what they seem to. */
  readonly warnings: readonly string[];
}

/** A run that learns from pictures alone. */
export interface PretrainingSource {
  /** The pictures: a folder, a file or a pattern, as `openDataset` takes it. */
  readonly folder: string;
  /** The fields that are given. */
  readonly given: Config;
  /** The method. */
  readonly method: Method;
  /** The module that it comes from, absolute; null: none. */
  readonly methodFile: string | null;
}

/**
 * Runs that learn from pictures alone, by any method.
 *
 * @param source The pictures and the method.
 */
export function pretrainingRun({
  folder,
  given,
  method,
  methodFile,
}: PretrainingSource): RunKind<PretrainingSettings, PretrainingOutcome> {
  const fields = pretrainingFields(method);
  return {
    ...{ name: "pretraining", fields },
    betas: method.recipe.betas,

    async open(description, terminal) {
      const chosen = { ...description?.config, ...given, use: "pretraining" } as const;
      const train = await scanPictures(folder, terminal, chosen);
      return { train, test: null, classes: [], warnings: [] };
    },

    async decide({ pictures: { train } }, pictures, machine) {
      const { choices, config, cost } = await resolveConfig({
        ...{ method, pictures, machine, costOf: pretrainingCosts(method, machine) },
        given: { ...given, valueRange: train.valueRange ?? given.valueRange },
      });
      return {
        config,
        choices: [{ name: "method", value: method.title, reason: method.paper }, ...choices],
        work: pretrainingWork(method, config, cost, pictures),
      };
    },

    async work({ pictures: { train } }, { config }, machine) {
      const cost = await pretrainingCosts(method, machine)(config);
      return pretrainingWork(method, config, cost, train.facts);
    },

    async describe({ device, pictures: { train } }, { choices, config }, dataset) {
      const { mean, std } =
        config.mean !== null && config.std !== null
          ? { mean: config.mean, std: config.std }
          : await measureNormalization(dataset, { device, seed: config.seed });
      const measured = {
        name: "mean and std",
        value: [mean, std].map((numbers) => numbers.map((value) => value.toFixed(3)).join(" ")).join(" / "),
        reason: config.mean !== null ? "given" : "measured on a sample of the pictures",
      };
      const settings = { ...config, mean, std };
      return {
        format: 1,
        kind: "pretraining",
        method: method.name,
        methodFile,
        encoder: method.encoder?.(settings) ?? encoderConfig(settings),
        pictures: { path: resolve(folder), identity: await identityOf(train.dataset) },
        test: null,
        pictureCount: train.facts.count,
        classes: [],
        pretrained: null,
        ...{ config, given, mean, std },
        choices: [...choices, measured],
      };
    },

    tell({ pictures: { train }, terminal }, choices) {
      tellDecisions(foundText(train), `in ${folder}${ignoredText(train)}`, choices, terminal);
    },

    async resume({ pictures: { train }, terminal }, before) {
      const now = { path: folder, dataset: train.dataset };
      await checkSamePictures("the pictures", before.pictures, now, terminal);
      const [from, to] = [before.pictures.path, resolve(folder)];
      return {
        ...before,
        methodFile,
        pictures: { ...before.pictures, path: to },
        config: { ...before.config, ...monitorMoved(before.config, { from, to }) },
      };
    },

    changed: () => changedSettings(given, fields) as Partial<PretrainingSettings>,

    async watch({ device, request, terminal }, description) {
      const { config } = description;
      const monitor = await openMonitor(config, terminal);
      const identities = monitor?.identities ?? [];
      if (given.monitor === undefined && given.monitorTest === undefined)
        warnOfOtherMonitor(description.monitorIdentities, identities, terminal);
      const rhythm = monitorRhythm(config, { ...(description.given as Config), ...request.config });
      const { mean, std } = description;
      const view = encoderView(preparedSettings(description));
      return {
        identities,
        warnings: monitor?.warnings ?? [],
        options: (task) =>
          monitor === null
            ? {}
            : {
                evaluation: monitorEvaluation(device, task.model.encoder, view, monitor, rhythm, terminal),
                keepBest: { figure: monitorFigure, better: "higher" },
              },
        finish: (task, run) => writeEncoder(join(run.path, encoderFile), task, { mean, std }),
        outcome: () => ({ warnings: monitor?.warnings ?? [] }),
        close: async () => monitor?.close(),
      };
    },

    async create({ device, request, terminal }, description, dataset, run) {
      const settings = preparedSettings(description);
      const prepared = { dataset, method, settings, signal: request.signal };
      return method.create(device, settings, await prepareParts(device, run.path, prepared, terminal));
    },

    views: (description) => pretrainingViews(method, preparedSettings(description)),

    batches: (device, dataset, description, options) =>
      pretrainingBatches(device, dataset, method, preparedSettings(description), options),
  };
}
