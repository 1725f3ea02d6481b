import type {
  EmbedRequest,
  EvaluateRequest,
  EvaluationKind,
  ExportRequest,
  PredictRequest,
  ReportRequest,
  SimilarRequest,
} from "@splitmask/pipelines";
import {
  didYouMean,
  labelledFields,
  sharedGroups,
  sourceFields,
  UsageError,
} from "@splitmask/pipelines/settings";
import { addCommand, type CommandLine, shared } from "./commandLine.js";
import { addFieldOptions } from "./fieldOptions.js";

interface EvaluationOptions extends Omit<EvaluateRequest, "run"> {
  readonly repeats?: number;
  readonly out?: string;
  readonly chart?: string;
}

const folders = "--train ./labeled/train --test ./labeled/val";

const evaluated = `
    <run>  ${shared.encoder}
    ${shared.labelled}
    --untrained  evaluate the encoder as it was before training, as a baseline`;

export function addKnn(commandLine: CommandLine): void {
  const help = `
    Accuracy of a k-nearest-neighbor classifier on the encoder's embeddings
    ${evaluated}
    --k <n>  number of neighbors (default: 20)
    --temperature <value>  temperature of the vote (default: 0.07)`;
  addEvaluation(commandLine, "knn", help);
}

export function addProbe(commandLine: CommandLine): void {
  const help = `
    Linear probe: train a linear classifier on the embeddings of the frozen encoder, and test it
    ${evaluated}
    --optimizer <name>  lbfgs: logistic regression to convergence; sgd, lars: a sweep of learning rates as in MoCo v3,
      MAE, DINO and BEiT (choices: "lbfgs", "sgd", "lars", default: "lbfgs")
    --learning-rates <list>  learning rates of the sweep (default: 0.001,0.003 … 3 for sgd, 0.1,0.3 … 30 for lars)
    --epochs <n>  epochs of the sweep (default: 100)
    --probe-batch <n>  batch size of the sweep (default: 256)`;
  const example = `
    $ splitmask probe runs/photos ${folders} --optimizer sgd
      trained by SGD, with a sweep of learning rates`;
  addEvaluation(commandLine, "probe", help, example);
}

function addEvaluation(
  { program, terminal }: CommandLine,
  name: EvaluationKind,
  own: string,
  example = "",
): void {
  const help = `${own}
    --layers <list>  evaluate after these blocks: all, or numbers such as 0,3,6 (0: before the first block)
    --per-class <n>  use only this many training pictures of each class
    --labels <share>  use only this share of the training pictures of each class, such as 1%
    --subset <share|n|file>  use only some training pictures: 10%, 1000, or a file with one index per line
    --seed <n>  seed for the choice of labels and for training (default: 0)
    --seeds <list>  repeat with these seeds, such as 0,1,2: mean, standard deviation and confidence interval
    --repeats <n>  repeat with the seeds 0 to n − 1
    --out <file>  write the result to this .json file too
    --chart <file>  with --layers: draw accuracy by layer to this .svg file
    ${shared.runMethod}${shared.pictures}
    $ splitmask ${name} runs/photos ${folders}
      the pre-trained encoder
    $ splitmask ${name} runs/photos --train ./labeled --held-out 0.3
      tested with 30 % of each class, which nothing is learned from
    $ splitmask ${name} runs/photos ${folders} --untrained
      the encoder before training
    $ splitmask ${name} runs/photos ${folders} --per-class 10 --repeats 5
      ten labels per class, drawn five times
    $ splitmask ${name} runs/photos ${folders} --layers all --chart layers.svg
      which layer is best${example}
    $ splitmask ${name} runs/photos --train ./train --test ./val --json
      ends with {"accuracy": …}`;
  const command = addCommand(program, name, help, ["train"]);
  const source = addFieldOptions(command, [{ ...sharedGroups.source, fields: labelledFields }]);
  command.action(async (run: string, options: EvaluationOptions) => {
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

/** Its pictures, and those that `--train` gives. */
const predictFields = { ...sourceFields, trainSplit: labelledFields.trainSplit };

interface PredictOptions extends Omit<PredictRequest, "run" | "folder"> {
  readonly out?: string;
  readonly format?: "csv" | "json";
  readonly json?: boolean;
}

export function addPredict({ program, terminal }: CommandLine): void {
  const help = `
    Predict the class of every picture in a folder, as CSV or JSON lines
    <run>  run folder of finetune; with --train, a run folder of pretrain
    <folder>  folder of pictures, or another source as for pretrain
    --out <file>  file to write (default: standard output)
    --format <name>  csv, or json with one object per line (default: by the extension of the file) (choices: "csv",
      "json")
    --top <n>  number of most probable classes (default: 1)
    --train <folder>  labeled pictures to fit a classifier on the pre-trained encoder
    --classifier <name>  with --train: linear probe or k nearest neighbors (choices: "probe", "knn")
    --k <n>  with --classifier knn: number of neighbors (default: 20)
    --temperature <value>  with --classifier knn: temperature of the vote (default: 0.07)
    ${shared.pictures}
    $ splitmask predict runs/tuned ./new --out labels.csv
      path,label,probability
    $ splitmask predict runs/tuned ./new --top 3 --format json
      the three most probable classes, to standard output
    $ splitmask predict runs/photos ./new --train ./labeled
      by a linear probe on a pre-trained encoder`;
  const command = addCommand(program, "predict", help);
  const source = addFieldOptions(command, [{ ...sharedGroups.source, fields: predictFields }]);
  command.action(async (run: string, folder: string, options: PredictOptions) => {
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

type SimilarOptions = Omit<SimilarRequest, "run" | "picture" | "folder"> & { readonly in: string };

export function addEmbed({ program, terminal }: CommandLine): void {
  const help = `
    Write the encoder's embedding of every picture in a folder
    <run>  ${shared.encoder}
    <folder>  folder of pictures, or another source as for pretrain
    --out <file>  NumPy file to write, N×D float32; the paths are written to a .jsonl file beside it
    --tokens <name>  patches: every patch's embedding, N×P×D, row by row (default: their mean) (choices: "patches")
    --untrained  use the encoder as it was before training
    ${shared.runMethod}${shared.pictures}
    $ splitmask embed runs/photos ./photos --out features.npy
      features.npy and features.jsonl
    $ splitmask embed dino.safetensors ./photos --out patches.npy --tokens patches
      every patch, by an encoder of another library
    $ python -c "import numpy; print(numpy.load('features.npy').shape)"
      read it anywhere`;
  const command = addCommand(program, "embed", help, ["out"]);
  const source = addFieldOptions(command, [sharedGroups.source]);
  command.action(async (run: string, folder: string, options: Omit<EmbedRequest, "run" | "folder">) => {
    const { embed, tellSkipped } = await import("@splitmask/pipelines");
    const result = await embed({ ...options, ...source(options), run, folder }, terminal);
    const { features, paths, root, count, patches, width, skipped } = result;
    const shape = [count, ...(patches === null ? [] : [patches]), width].join("×");
    tellSkipped(skipped, terminal);
    terminal.result({ ...result, skipped: skipped.length }, [
      `${shape} float32 in ${features}, the paths of the rows, from ${root} on, in ${paths}`,
    ]);
  });
}

export function addSimilar({ program, terminal }: CommandLine): void {
  const help = `
    Find the pictures of a folder that are most like a picture
    <run>  ${shared.encoder}
    <picture>  picture to compare with; a folder: each of its pictures
    --in <folder>  folder to search, or another source as for pretrain
    --top <n>  number of pictures to find (default: 10)
    --untrained  use the encoder as it was before training
    ${shared.runMethod}${shared.pictures}
    $ splitmask similar runs/photos ./photos/cat.jpg --in ./photos
      the ten most similar pictures, with their cosine similarities
    $ splitmask similar runs/photos ./new --in ./photos --top 3 --json
      three for each picture of a folder, as JSON`;
  const command = addCommand(program, "similar", help, ["in"]);
  const source = addFieldOptions(command, [sharedGroups.source]);
  command.action(async (run: string, picture: string, options: SimilarOptions) => {
    const { similar, tellSkipped } = await import("@splitmask/pipelines");
    const { shownName } = await import("@splitmask/data");
    const { in: folder, ...request } = options;
    const result = await similar({ ...request, ...source(request), run, picture, folder }, terminal);
    const { pictures, root, skipped } = result;
    tellSkipped(skipped, terminal);
    terminal.result({ ...result, skipped: skipped.length }, [
      ...pictures.flatMap(({ found, picture: name }) => [
        `most like ${shownName(name)}, in ${root}:`,
        ...found.map(({ path, similarity }) => `  ${similarity.toFixed(3).padStart(6)}  ${shownName(path)}`),
      ]),
    ]);
  });
}

export function addReport({ program, terminal }: CommandLine): void {
  const help = `
    Write a self-contained HTML page about a run (curves, predictions, attention, a map, neighbors), or a comparison of
    several runs
    <run...>  run folder; several run folders are compared: curves, settings, final figures
    --pictures <folder>  pictures to show (default: the training pictures)
    ${shared.runMethod}
    --map <method>  map of the embeddings: pca or umap (default: pca)
    --out <file>  page to write (default: report.html in the run folder; for several runs comparison.html)
    --threads <n>  number of threads (default: all cores)
    $ splitmask report runs/photos
      writes runs/photos/report.html
    $ splitmask report runs/photos --pictures ./new --out new.html
      show other pictures
    $ splitmask report runs/a runs/b --out compare.html
      compare two runs`;
  const command = addCommand(program, "report", help);
  const source = addFieldOptions(command, [sharedGroups.source]);
  command.action(async (runs: readonly string[], options: Omit<ReportRequest, "run">) => {
    const { writeComparison, writeReport } = await import("@splitmask/pipelines");
    const { mapMethods } = await import("@splitmask/report");
    const request = { ...options, ...source(options) };
    const { map, pictures } = request;
    if (map !== undefined && !mapMethods.includes(map)) {
      const suggestion = didYouMean(map, mapMethods) ?? "";
      throw new UsageError(
        `--map: got "${map}", expected ${mapMethods.join(" or ")}. ${suggestion}`.trimEnd(),
      );
    }
    const [run, ...others] = runs as [string];
    if (others.length > 0 && (map ?? pictures) !== undefined)
      throw new UsageError(
        `${map === undefined ? "--pictures" : "--map"} is for the report of one run, and ${runs.length} are given: ` +
          "side by side only figures are shown. Leave it out, or give one run.",
      );
    const report =
      others.length > 0
        ? await writeComparison({ ...request, runs }, terminal)
        : await writeReport({ ...request, run }, terminal);
    terminal.result({ report }, [`report: ${report}`]);
  });
}

export function addExport({ program, terminal }: CommandLine): void {
  const help = `
    Write a run's model for other programs, with a model card
    <run>  run folder of pretrain or finetune, or a checkpoint folder of pretrain
    --to <format>  onnx: a folder for transformers.js and onnxruntime; timm, transformers: an encoder for these Python
      libraries (choices: "onnx", "timm", "transformers")
    --out <folder>  folder to write (default: the run's name with the format behind it, such as runs/photos-onnx)
    --weights <format>  of onnx: float32, float16 (half the size) or int8 (a quarter) (choices: "float32", "float16",
      "int8", default: "float32")
    ${shared.runMethod}
    --threads <n>  number of threads (default: all cores)
    $ splitmask export runs/photos --to onnx
      runs/photos-onnx, which transformers.js loads by its path
    $ splitmask export runs/tuned --to onnx --out site/model --weights int8
      a small classifier for the browser
    $ splitmask export runs/photos --to timm
      for timm.create_model("local-dir:runs/photos-timm", pretrained=True)`;
  const command = addCommand(program, "export", help, ["to"]);
  command.action(async (run: string, options: Omit<ExportRequest, "run">) => {
    const { exportRun } = await import("@splitmask/pipelines");
    const result = await exportRun({ ...options, run }, terminal);
    terminal.result(result, [...result.files]);
  });
}
