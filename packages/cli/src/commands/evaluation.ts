import type { EvaluateRequest, EvaluationKind } from "@splitmask/pipelines";
import { labelledFields, sharedGroups, UsageError } from "@splitmask/pipelines/settings";
import type { Command } from "commander";
import {
  addBatchOptions,
  addLabelledPictures,
  addOptions,
  type CommandLine,
  finish,
  number,
  numbers,
  oneOf,
  runMethodOption,
} from "./commandLine.js";
import { addFieldOptions } from "./fieldOptions.js";

interface EvaluationOptions extends Omit<EvaluateRequest, "run"> {
  readonly repeats?: number;
  readonly out?: string;
  readonly chart?: string;
}

/** Adds `knn` or `probe`. */
export function addEvaluation(
  { program, terminal }: CommandLine,
  name: EvaluationKind,
  summary: string,
): void {
  const command = program
    .command(name)
    .description(summary)
    .argument("<run>", "run folder, or a checkpoint folder inside it");
  addOptions(
    addLabelledPictures(command),
    "--untrained  evaluate the encoder as it was before training, as a baseline",
  );
  if (name === "knn") addKnnOptions(command);
  else addProbeOptions(command);
  const source = addFieldOptions(command, [{ ...sharedGroups.source, fields: labelledFields }]);
  addOptions(
    command,
    `
    --layers <list>  evaluate after these blocks: all, or numbers such as 0,3,6 (0: before the first block)
    --per-class <n>  use only this many training pictures of each class
    --labels <share>  use only this share of the training pictures of each class, such as 1%
    --subset <share|n|file>  use only some training pictures: 10%, 1000, or a file with one index per line
    --seed <n>  seed for the choice of labels and for training (default: 0)
    --seeds <list>  repeat with these seeds, such as 0,1,2: mean, standard deviation and confidence interval
    --repeats <n>  repeat with the seeds 0 to n − 1
    --out <file>  write the result to this .json file too
    --chart <file>  with --layers: draw accuracy by layer to this .svg file
    ${runMethodOption}`,
    {
      layers: (text, option) => (text === "all" ? text : numbers("whole")(text, option)),
      perClass: number("count"),
      seed: number("whole"),
      seeds: numbers("whole"),
      repeats: number("count"),
    },
  );
  const folders = "--train ./labeled/train --test ./labeled/val";
  const sweep = `
    splitmask probe runs/photos ${folders} --optimizer sgd
    trained by SGD, with a sweep of learning rates`;
  finish(
    addBatchOptions(command),
    `
    splitmask ${name} runs/photos ${folders}
    the pre-trained encoder
    splitmask ${name} runs/photos ${folders} --untrained
    the encoder before training
    splitmask ${name} runs/photos ${folders} --per-class 10 --repeats 5
    ten labels per class, drawn five times
    splitmask ${name} runs/photos ${folders} --layers all --chart layers.svg
    which layer is best${name === "probe" ? sweep : ""}
    splitmask ${name} runs/photos --train ./train --test ./val --json
    ends with {"accuracy": …}
    `,
  ).action(async (run: string, options: EvaluationOptions) => {
    check(options);
    const { chart, out, repeats } = options;
    const seeds = repeats === undefined ? {} : { seeds: Array.from({ length: repeats }, (_, seed) => seed) };
    const { runEvaluation } = await import("./evaluationResult.js");
    const request = { ...options, ...source(options), ...seeds, run };
    await runEvaluation(terminal, name, request, { out, chart });
  });
}

/** Checks what options say together. */
function check(options: EvaluationOptions): void {
  const { chart, out, repeats, seed, seeds } = options;
  const { epochs, learningRates, optimizer = "lbfgs", probeBatch } = options;
  for (const [option, path, ending] of [
    ["--out", out, ".json"],
    ["--chart", chart, ".svg"],
  ] as const) {
    if (path !== undefined && !path.endsWith(ending))
      throw new UsageError(`${option}: got "${path}", expected a file name that ends in ${ending}.`);
  }
  if ([seed, seeds, repeats].filter((given) => given !== undefined).length > 1)
    throw new UsageError("--seed, --seeds and --repeats: give only one of them.");
  if (seeds !== undefined && new Set(seeds).size < seeds.length)
    throw new UsageError(`--seeds: got "${seeds.join(",")}", expected different seeds.`);
  if (chart !== undefined && options.layers === undefined)
    throw new UsageError("--chart: there is nothing to draw without --layers. Give --layers all.");
  if (optimizer === "lbfgs" && (learningRates ?? epochs ?? probeBatch) !== undefined) {
    throw new UsageError(
      "--learning-rates, --epochs and --probe-batch are for the sweep: give --optimizer sgd or --optimizer lars " +
        "with them.",
    );
  }
}

function addKnnOptions(command: Command): void {
  const text = `
    --k <n>  number of neighbors (default: 20)
    --temperature <value>  temperature of the vote (default: 0.07)`;
  addOptions(command, text, { k: number("count"), temperature: number("positive") });
}

function addProbeOptions(command: Command): void {
  addOptions(
    command,
    `
    --optimizer <name>  lbfgs: logistic regression to convergence; sgd, lars: a sweep of learning rates as in MoCo v3,
      MAE, DINO and BEiT (choices: "lbfgs", "sgd", "lars", default: "lbfgs")
    --learning-rates <list>  learning rates of the sweep (default: 0.001,0.003 … 3 for sgd, 0.1,0.3 … 30 for lars)
    --epochs <n>  epochs of the sweep (default: 100)
    --probe-batch <n>  batch size of the sweep (default: 256)`,
    {
      optimizer: oneOf("lbfgs", "sgd", "lars"),
      learningRates: numbers("positive"),
      epochs: number("count"),
      probeBatch: number("count"),
    },
  );
}
