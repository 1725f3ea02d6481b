import type { PredictRequest } from "@splitmask/pipelines";
import { labelledFields, sharedGroups, sourceFields, UsageError } from "@splitmask/pipelines/settings";
import { addBatchOptions, addOptions, type CommandLine, finish, number, oneOf } from "./commandLine.js";
import { addFieldOptions } from "./fieldOptions.js";

/** Its pictures, and those that `--train` gives. */
const fields = { ...sourceFields, trainSplit: labelledFields.trainSplit };

interface PredictOptions extends Omit<PredictRequest, "run" | "folder"> {
  readonly out?: string;
  readonly format?: "csv" | "json";
  readonly json?: boolean;
}

export function addPredict({ program, terminal }: CommandLine): void {
  const command = program
    .command("predict")
    .description("Predict the class of every picture in a folder, as CSV or JSON lines")
    .argument("<run>", "run folder of finetune; with --train, a run folder of pretrain")
    .argument("<folder>", "folder of pictures, or another source as for pretrain");
  addOptions(
    command,
    `
    --out <file>  file to write (default: standard output)
    --format <name>  csv, or json with one object per line (default: by the extension of the file) (choices: "csv",
      "json")
    --top <n>  number of most probable classes (default: 1)
    --train <folder>  labeled pictures to fit a classifier on the pre-trained encoder
    --classifier <name>  with --train: linear probe or k nearest neighbors (choices: "probe", "knn")
    --k <n>  with --classifier knn: number of neighbors (default: 20)
    --temperature <value>  with --classifier knn: temperature of the vote (default: 0.07)`,
    {
      format: oneOf("csv", "json"),
      top: number("count"),
      classifier: oneOf("probe", "knn"),
      k: number("count"),
      temperature: number("positive"),
    },
  );
  const source = addFieldOptions(command, [{ ...sharedGroups.source, fields }]);
  finish(
    addBatchOptions(command),
    `
    splitmask predict runs/tuned ./new --out labels.csv
    path,label,probability
    splitmask predict runs/tuned ./new --top 3 --format json
    the three most probable classes, to standard output
    splitmask predict runs/photos ./new --train ./labeled
    by a linear probe on a pre-trained encoder
    `,
  ).action(async (run: string, folder: string, options: PredictOptions) => {
    const { out, format, json, ...request } = options;
    if (request.train === undefined && request.classifier !== undefined)
      throw new UsageError(
        "--classifier: there is nothing to learn from. Give labeled pictures with --train.",
      );
    if (request.classifier !== "knn" && (request.k ?? request.temperature) !== undefined)
      throw new UsageError("--k and --temperature are those of k-NN: give --classifier knn with them.");
    if (json && out === undefined)
      throw new UsageError("--json: the predictions go to standard output. Give a file for them with --out.");
    if (out === undefined) terminal.keepOutputForData();
    const { runPredict } = await import("./predictions.js");
    await runPredict(terminal, { ...request, ...source(request), run, folder }, out, format);
  });
}
