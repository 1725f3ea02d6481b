import {
  type FinetuneConfig,
  finetuneGroups,
  readFinetuneFile,
  UsageError,
} from "@splitmask/pipelines/settings";
import type { Command } from "commander";
import { type CommonOptions, dryRunOption, finish, isDryRun, type Perform, texts } from "./commandOptions.js";
import { addFieldOptions } from "./fieldOptions.js";

/** Adds `finetune`. */
export function addFinetuneCommand(program: Command, perform: Perform): void {
  const finetune = program
    .command("finetune")
    .description("Fine-tune a pre-trained encoder with labels, and test it")
    .argument("<run>", "run folder of pretrain, or a checkpoint folder inside it")
    .requiredOption(
      "--train <folder>",
      "labeled training pictures: one folder per class, or another source with labels",
    )
    .requiredOption("--test <folder>", "labeled test pictures with the same class names")
    .option(
      "--out <run>",
      "run folder to write: configuration, checkpoints, metrics, model, evaluation; required without --dry-run",
    )
    .option("--from-scratch", "start from random weights instead of the pre-trained ones, as a baseline")
    .option(
      "--config <file>",
      "configuration file: .json, .js, .mjs or .ts; options on the command line override it",
    );
  const fields = addFieldOptions(finetune, finetuneGroups);
  finetune
    .option("--resume", "continue from the last checkpoint of the run folder")
    .option("--overwrite", "delete the earlier run in the run folder first")
    .option(...dryRunOption);
  finish(finetune, [
    [
      "splitmask finetune runs/photos --train ./labeled/train --test ./labeled/val --out runs/tuned",
      "all settings are chosen, and printed with their reasons",
    ],
    [
      "splitmask finetune runs/photos --train ./train --test ./val --out runs/tuned --recipe beit --epochs 50",
      "BEiT's recipe for 50 epochs",
    ],
    [
      "splitmask finetune runs/photos --train ./train --test ./val --dry-run",
      "show what would be trained, and the time and memory it takes",
    ],
    [
      "splitmask finetune runs/photos --train ./train --test ./val --out runs/scratch --from-scratch",
      "the same without pre-training",
    ],
  ]).action((run: string, parsed: CommonOptions & Record<string, unknown>) =>
    perform(parsed, async (terminal) => {
      const given: FinetuneConfig = fields(parsed);
      const file = typeof parsed.config === "string" ? await readFinetuneFile(parsed.config) : {};
      const { runFinetune, runFinetuneDryRun } = await import("./finetune.js");
      const sources = {
        run,
        train: String(parsed.train),
        test: String(parsed.test),
        fromScratch: parsed.fromScratch === true,
        config: { ...file, ...given },
        ...texts(parsed, ["out"]),
      };
      if (isDryRun(parsed)) {
        await runFinetuneDryRun(terminal, sources);
        return 0;
      }
      const { out } = sources;
      if (out === undefined) {
        throw new UsageError(
          "--out: expected the run folder to write, e.g. --out runs/tuned; only --dry-run needs none.",
        );
      }
      return runFinetune(terminal, {
        ...sources,
        out,
        resume: parsed.resume === true,
        overwrite: parsed.overwrite === true,
      });
    }),
  );
}
