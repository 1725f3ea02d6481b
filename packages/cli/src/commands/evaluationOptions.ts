import type { ProbeSettings } from "@splitmask/pipelines";
import { labelledFields, sharedGroups, sourceFields, UsageError } from "@splitmask/pipelines/settings";
import type { Command } from "commander";
import {
  type CommonOptions,
  choiceOption,
  finish,
  maximumSkippedOption,
  numberList,
  numbers,
  type Perform,
  runMethodOption,
  texts,
} from "./commandOptions.js";
import { addFieldOptions } from "./fieldOptions.js";

type Parsed = CommonOptions & Readonly<Record<string, unknown>>;

/** Adds `probe`, `knn` and `predict`. */
export function addEvaluationCommands(program: Command, perform: Perform): void {
  addEvaluation(
    program,
    perform,
    "probe",
    "Linear probe: train a linear classifier on the embeddings of the frozen encoder, and test it",
  );
  addEvaluation(
    program,
    perform,
    "knn",
    "Accuracy of a k-nearest-neighbor classifier on the encoder's embeddings",
  );
  addPredict(program, perform);
}

function addEvaluation(program: Command, perform: Perform, name: "knn" | "probe", summary: string): void {
  const command = program
    .command(name)
    .description(summary)
    .argument("<run>", "run folder, or a checkpoint folder inside it")
    .requiredOption(
      "--train <folder>",
      "labeled training pictures: one folder per class, or another source with labels",
    )
    .requiredOption("--test <folder>", "labeled test pictures with the same class names")
    .option("--untrained", "evaluate the encoder as it was before training, as a baseline");
  if (name === "knn") addKnnOptions(command);
  else addProbeOptions(command);
  const source = addFieldOptions(command, [{ ...sharedGroups.source, fields: labelledFields }]);
  command
    .option(
      "--layers <list>",
      "evaluate after these blocks: all, or numbers such as 0,3,6 (0: before the first block)",
    )
    .option("--per-class <n>", "use only this many training pictures of each class")
    .option("--labels <share>", "use only this share of the training pictures of each class, such as 1%")
    .option(
      "--subset <share|n|file>",
      "use only some training pictures: 10%, 1000, or a file with one index per line",
    )
    .option("--seed <n>", "seed for the choice of labels and for training (default: 0)")
    .option(
      "--seeds <list>",
      "repeat with these seeds, such as 0,1,2: mean, standard deviation and confidence interval",
    )
    .option("--repeats <n>", "repeat with the seeds 0 to n − 1")
    .option("--out <file>", "write the result to this .json file too")
    .option("--chart <file>", "with --layers: draw accuracy by layer to this .svg file")
    .option(...runMethodOption)
    .option(...maximumSkippedOption)
    .option("--batch <n>", "pictures per batch")
    .option("--threads <n>", "number of threads (default: all cores)");
  const folders = "--train ./labeled/train --test ./labeled/val";
  finish(command, [
    [`splitmask ${name} runs/photos ${folders}`, "the pre-trained encoder"],
    [`splitmask ${name} runs/photos ${folders} --untrained`, "the encoder before training"],
    [
      `splitmask ${name} runs/photos ${folders} --per-class 10 --repeats 5`,
      "ten labels per class, drawn five times",
    ],
    [`splitmask ${name} runs/photos ${folders} --layers all --chart layers.svg`, "which layer is best"],
    ...(name === "probe"
      ? ([
          [
            `splitmask probe runs/photos ${folders} --optimizer sgd`,
            "trained by SGD, with a sweep of learning rates",
          ],
        ] as const)
      : []),
    [`splitmask ${name} runs/photos --train ./train --test ./val --json`, 'ends with {"accuracy": …}'],
  ]).action((run: string, parsed: Parsed) =>
    perform(parsed, async (terminal) => {
      const request = {
        run,
        train: String(parsed.train),
        test: String(parsed.test),
        untrained: parsed.untrained === true,
        ...source(parsed),
        ...texts(parsed, ["method", "subset", "labels"]),
        ...seedsOf(parsed),
        ...layersOf(parsed),
        ...probeSettings(parsed),
        ...numbers(parsed, {
          perClass: "count",
          seed: "whole",
          maximumSkipped: "share",
          threads: "count",
          batch: "count",
          k: "count",
          temperature: "positive",
        }),
      };
      const { runEvaluation } = await import("./evaluation.js");
      await runEvaluation(terminal, name, request, texts(parsed, ["out", "chart"]));
      return undefined;
    }),
  );
}

/** Its pictures, and those that `--train` gives. */
const predictFields = { ...sourceFields, trainSplit: labelledFields.trainSplit };

function addPredict(program: Command, perform: Perform): void {
  const command = program
    .command("predict")
    .description("Predict the class of every picture in a folder, as CSV or JSON lines")
    .argument("<run>", "run folder of finetune; with --train, a run folder of pretrain")
    .argument("<folder>", "folder of pictures, or another source as for pretrain")
    .option("--out <file>", "file to write (default: standard output)")
    .addOption(
      choiceOption(
        "--format <name>",
        "csv, or json with one object per line (default: by the extension of the file)",
        ["csv", "json"],
      ),
    )
    .option("--top <n>", "number of most probable classes", "1")
    .option("--train <folder>", "labeled pictures to fit a classifier on the pre-trained encoder")
    .addOption(
      choiceOption("--classifier <name>", "with --train: linear probe or k nearest neighbors", [
        "probe",
        "knn",
      ]),
    )
    .option("--k <n>", "with --classifier knn: number of neighbors (default: 20)")
    .option("--temperature <value>", "with --classifier knn: temperature of the vote (default: 0.07)");
  const source = addFieldOptions(command, [{ ...sharedGroups.source, fields: predictFields }]);
  command
    .option(...maximumSkippedOption)
    .option("--batch <n>", "pictures per batch")
    .option("--threads <n>", "number of threads (default: all cores)");
  finish(command, [
    ["splitmask predict runs/tuned ./new --out labels.csv", "path,label,probability"],
    [
      "splitmask predict runs/tuned ./new --top 3 --format json",
      "the three most probable classes, to standard output",
    ],
    ["splitmask predict runs/photos ./new --train ./labeled", "by a linear probe on a pre-trained encoder"],
  ]).action((run: string, folder: string, parsed: Parsed) =>
    perform({ ...parsed, dataOnOutput: parsed.out === undefined }, async (terminal) => {
      if (parsed.train === undefined && parsed.classifier !== undefined)
        throw new UsageError(
          "--classifier: there is nothing to learn from. Give labeled pictures with --train.",
        );
      const given = numbers(parsed, {
        top: "count",
        k: "count",
        temperature: "positive",
        maximumSkipped: "share",
        batch: "count",
        threads: "count",
      });
      if (parsed.classifier !== "knn" && (given.k ?? given.temperature) !== undefined)
        throw new UsageError("--k and --temperature are those of k-NN: give --classifier knn with them.");
      const { runPredict } = await import("./predict.js");
      await runPredict(terminal, {
        run,
        folder,
        json: parsed.json === true,
        ...source(parsed),
        ...texts(parsed, ["out", "train"]),
        ...choices(parsed),
        ...given,
      });
      return undefined;
    }),
  );
}

/** The options of predict that are one of a few words; commander has checked them. */
function choices(parsed: Parsed): {
  readonly format?: "csv" | "json";
  readonly classifier?: "probe" | "knn";
} {
  return texts(parsed, ["format", "classifier"]) as ReturnType<typeof choices>;
}

function addKnnOptions(command: Command): void {
  command
    .option("--k <n>", "number of neighbors", "20")
    .option("--temperature <value>", "temperature of the vote", "0.07");
}

function addProbeOptions(command: Command): void {
  command
    .addOption(
      choiceOption(
        "--optimizer <name>",
        "lbfgs: logistic regression to convergence; sgd, lars: a sweep of learning rates as in MoCo v3, MAE, DINO and BEiT",
        ["lbfgs", "sgd", "lars"],
      ).default("lbfgs"),
    )
    .option(
      "--learning-rates <list>",
      "learning rates of the sweep (default: 0.001,0.003 … 3 for sgd, 0.1,0.3 … 30 for lars)",
    )
    .option("--epochs <n>", "epochs of the sweep (default: 100)")
    .option("--probe-batch <n>", "batch size of the sweep (default: 256)");
}

/** The settings of the linear probe that were given. */
function probeSettings(parsed: Parsed): ProbeSettings {
  const learningRates = numberList(parsed, "learningRates", "positive");
  const { optimizer } = parsed as { readonly optimizer?: "lbfgs" | "sgd" | "lars" };
  const given = numbers(parsed, { epochs: "count", probeBatch: "count" });
  if (optimizer === "lbfgs" && (learningRates !== undefined || Object.keys(given).length > 0)) {
    throw new UsageError(
      "--learning-rates, --epochs and --probe-batch are for the sweep: give --optimizer sgd or --optimizer lars with them.",
    );
  }
  return {
    ...(optimizer === undefined ? {} : { optimizer }),
    ...(learningRates === undefined ? {} : { learningRates }),
    ...given,
  };
}

function seedsOf(parsed: Parsed): { readonly seeds?: readonly number[] } {
  const seeds = numberList(parsed, "seeds", "whole");
  const { repeats } = numbers(parsed, { repeats: "count" });
  const given = [parsed.seed, seeds, repeats].filter((value) => value !== undefined);
  if (given.length > 1) throw new UsageError("--seed, --seeds and --repeats: give only one of them.");
  if (seeds !== undefined) {
    if (new Set(seeds).size < seeds.length)
      throw new UsageError(`--seeds: got "${String(parsed.seeds)}", expected different seeds.`);
    return { seeds };
  }
  return repeats === undefined ? {} : { seeds: Array.from({ length: repeats }, (_, seed) => seed) };
}

function layersOf(parsed: Parsed): { readonly layers?: "all" | readonly number[] } {
  if (parsed.layers === "all") return { layers: "all" };
  const layers = numberList(parsed, "layers", "whole");
  if (layers !== undefined) return { layers };
  if (parsed.chart !== undefined)
    throw new UsageError("--chart: there is nothing to draw without --layers. Give --layers all.");
  return {};
}
