import { join, resolve } from "node:path";
import { type DiscreteVae, discreteVaeMethod, tokenizerFile } from "@splitmask/methods";
import { tokenizerWork } from "../estimate/runWork.js";
import { scanPictures } from "../pictures/scanPictures.js";
import { changedSettings, preparedSettings } from "../runs/description.js";
import type { TokenizerRunConfig } from "../settings/config.js";
import { tokenizerRunFields } from "../settings/fields.js";
import { resolveTokenizerRun } from "../settings/resolveTokenizerRun.js";
import type { TokenizerRunSettings } from "../settings/runSettings.js";
import { silentTerminal, type Terminal } from "../terminal/terminal.js";
import { type Planned, type RunKind, type RunPlan, type RunRequest, unwatched } from "./runKind.js";
import { costsOf, tokenizerStep } from "./runStep.js";
import type { TrainedRun } from "./trainedRun.js";
import { plannedRun, trainingRun } from "./trainingRun.js";

/** What a tokenizer is trained on, and where. */
export interface FitTokenizerRequest extends RunRequest {
  /** The pictures: a folder, a file or a pattern, as `openDataset` takes it. */
  readonly folder: string;
  /** The fields that are given; the rest is chosen. */
  readonly config?: TokenizerRunConfig;
}

/** What came of it. */
export interface FitTokenizerResult extends TrainedRun {
  /** The fitted tokenizer's file, as `--tokenizer` takes it; null where the run was interrupted. */
  readonly tokenizer: string | null;
}

/**
 * Trains a discrete VAE, whose words are a tokenizer for SplitMask and BEiT: decides the settings, trains, and leaves
 * everything in the run folder, the tokenizer as `tokenizer.safetensors`.
 *
 * @param request What and where.
 * @param terminal Where it tells what it does.
 * @throws UsageError where the settings contradict each other, or the run folder holds a run already.
 * @throws Error where there are no pictures, or the run folder cannot be written.
 */
export async function fitTokenizer(
  request: FitTokenizerRequest,
  terminal: Terminal = silentTerminal,
): Promise<FitTokenizerResult> {
  return trainingRun(tokenizerRun(request), request, terminal);
}

/**
 * Decides every setting of a tokenizer's training and estimates what it takes, without training or writing anything.
 *
 * @param request What would be trained on.
 * @param terminal Where the decisions are told.
 * @throws UsageError where the settings contradict each other.
 * @throws Error where there are no pictures.
 */
export async function fitTokenizerDryRun(
  request: Planned<FitTokenizerRequest>,
  terminal: Terminal = silentTerminal,
): Promise<RunPlan<TokenizerRunSettings>> {
  return plannedRun(tokenizerRun(request), request.out, terminal);
}

/** Pixels in [−1, 1], in which all tokenizers see them. */
const half = [0.5, 0.5, 0.5] as const;

/** Runs that train a tokenizer. */
function tokenizerRun({
  config: given = {},
  folder,
}: Planned<FitTokenizerRequest>): RunKind<
  TokenizerRunSettings,
  Pick<FitTokenizerResult, "tokenizer">,
  DiscreteVae
> {
  return {
    ...{ name: "tokenizer", method: discreteVaeMethod.name, methodFile: null },
    ...{ given, fields: tokenizerRunFields, paths: { train: folder, test: null } },
    step: () => tokenizerStep,
    work: (config, cost, { train }) => tokenizerWork(config, cost, train.facts),
    changed: () => changedSettings(given, tokenizerRunFields) as Partial<TokenizerRunSettings>,

    async open(description, terminal) {
      const chosen = { ...description?.config, ...given, use: "pretraining" } as const;
      return { train: await scanPictures(folder, terminal, chosen), test: null, classes: [], warnings: [] };
    },

    async decide({ train }, { count }, machine) {
      const valueRange = train.valueRange ?? given.valueRange;
      const costOf = costsOf(tokenizerStep, machine);
      const { choices, ...decided } = await resolveTokenizerRun({ ...given, valueRange }, { count }, costOf);
      const { paper, title } = discreteVaeMethod;
      return { ...decided, choices: [{ name: "tokenizer", value: title, reason: paper }, ...choices] };
    },

    describe: async () => ({ encoder: null, pretrained: null, mean: half, std: half }),
    resume: async () => ({}),

    async watch() {
      return {
        ...unwatched,
        interrupted: { tokenizer: null },
        async finish({ tokenizer }, { path }) {
          const file = join(path, tokenizerFile);
          await tokenizer.save(file);
          return { tokenizer: resolve(file) };
        },
      };
    },

    create: async ({ device }, description) => tokenizerStep.create(device, preparedSettings(description)),
  };
}
