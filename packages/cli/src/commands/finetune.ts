import {
  type FinetuneConfig,
  finetuneGroups,
  readFinetuneFile,
  UsageError,
} from "@splitmask/pipelines/settings";
import {
  addLabelledPictures,
  addOptions,
  addRunOptions,
  type CommandLine,
  configOption,
  finish,
  isDryRun,
  type RunOptions,
} from "./commandLine.js";
import { addFieldOptions } from "./fieldOptions.js";

interface FinetuneOptions extends RunOptions {
  readonly train: string;
  readonly test: string;
  readonly out?: string;
  readonly fromScratch?: boolean;
}

export function addFinetune(commandLine: CommandLine): void {
  const command = commandLine.program
    .command("finetune")
    .description("Fine-tune a pre-trained encoder with labels, and test it")
    .argument("<run>", "run folder of pretrain, or a checkpoint folder inside it");
  addOptions(
    addLabelledPictures(command),
    `
    --out <run>  run folder to write: configuration, checkpoints, metrics, model, evaluation; required without --dry-run
    --from-scratch  start from random weights instead of the pre-trained ones, as a baseline
    ${configOption}`,
  );
  const fields = addFieldOptions(command, finetuneGroups);
  finish(
    addRunOptions(command),
    `
    splitmask finetune runs/photos --train ./labeled/train --test ./labeled/val --out runs/tuned
    all settings are chosen, and printed with their reasons
    splitmask finetune runs/photos --train ./train --test ./val --out runs/tuned --recipe beit --epochs 50
    BEiT's recipe for 50 epochs
    splitmask finetune runs/photos --train ./train --test ./val --dry-run
    show what would be trained, and the time and memory it takes
    splitmask finetune runs/photos --train ./train --test ./val --out runs/scratch --from-scratch
    the same without pre-training
    `,
  ).action(async (run: string, options: FinetuneOptions) => {
    const given: FinetuneConfig = fields(options);
    const file = options.config === undefined ? {} : await readFinetuneFile(options.config);
    const planned = isDryRun(options);
    const { train, test, fromScratch = false, resume = false, overwrite = false } = options;
    const { out = planned ? "." : null } = options;
    if (out === null) {
      throw new UsageError(
        "--out: expected the run folder to write, e.g. --out runs/tuned; only --dry-run needs none.",
      );
    }
    const config = { ...file, ...given };
    const request = { run, train, test, fromScratch, config, out, resume, overwrite };
    const { runFinetune } = await import("./training.js");
    await runFinetune(commandLine, request, planned);
  });
}
