import { writeFileDurably } from "@splitmask/files";
import { type EvaluateRequest, type Evaluation, type EvaluationKind, evaluate } from "@splitmask/pipelines";
import { columns, printable } from "@splitmask/pipelines/settings";
import { layerChart, percent } from "@splitmask/report";
import type { CommandTerminal } from "../terminal/terminal.js";
import { commandText } from "./commandText.js";

/** More classes than this are not printed as a matrix. */
const largestMatrix = 20;
/** More classes than this are not listed: only the worst ones are. */
const longestList = 50;

/** `splitmask knn` and `splitmask probe`. */
export async function runEvaluation(
  terminal: CommandTerminal,
  kind: EvaluationKind,
  request: EvaluateRequest,
  files: { readonly out: string | undefined; readonly chart: string | undefined },
): Promise<void> {
  const { [kind]: result } = await evaluate(request, [kind], terminal);
  const name = kind === "knn" ? "k-NN accuracy" : "linear-probe accuracy";
  const trained = result.step === null ? "the encoder" : `the encoder after ${result.step} steps`;
  const encoder = result.untrained ? "the untrained encoder" : trained;
  for (const section of [
    classTable(result),
    confusionTable(result, terminal.width),
    seedTable(result),
    rateTable(result),
    layerTable(result),
  ]) {
    for (const text of section) terminal.line(text);
    if (section.length > 0) terminal.line();
  }
  if (files.out !== undefined) {
    const { run, train, test } = request;
    const described = { evaluation: kind, run, trainPictures: train, testPictures: test, ...result };
    await writeFileDurably(files.out, `${JSON.stringify(described, null, 2)}\n`);
    terminal.line(`result: ${files.out}`);
  }
  if (files.chart !== undefined && result.layers !== undefined) {
    const title = `${name[0]!.toUpperCase()}${name.slice(1)} by layer, ${encoder}`;
    await writeFileDurably(files.chart, layerChart(result.layers, title, result.chance));
    terminal.line(`chart: ${files.chart}`);
  }
  for (const text of result.warnings) terminal.warn(text);
  terminal.result(result, [summary(name, encoder, result), ...nextLines(request)]);
}

/** What comes after the evaluation of a trained encoder. */
function nextLines({ run, test, train, untrained }: EvaluateRequest): readonly string[] {
  if (untrained) return [];
  const tested = test === undefined ? [] : ["--test", test];
  return [`next: ${commandText(["finetune", run, "--train", train, ...tested, "--out", `${run}-tuned`])}`];
}

function summary(name: string, encoder: string, result: Evaluation): string {
  const { accuracy, layers, seeds, standardDeviation, top5Accuracy } = result;
  const layer = layers === undefined ? "" : ` at layer ${layers.at(-1)!.layer}`;
  const spread =
    seeds === undefined
      ? ""
      : ` ± ${(100 * standardDeviation!).toFixed(1)} (mean ± standard deviation over ${seeds.length} seeds)`;
  const facts = [
    `95 % confidence ${range(result)}`,
    ...(top5Accuracy === null ? [] : [`top-5 ${share(top5Accuracy)}`]),
    `${result.classes.length} classes, ${result.train} training and ${result.test} test pictures`,
    `always the most frequent class: ${share(result.chance)}`,
    ...(result.warnings.length === 0 ? [] : ["NOT on new pictures: see the warning"]),
    ...(result.converged === false ? ["the fit stopped before its optimum"] : []),
  ];
  return `${name} of ${encoder}${layer}: ${share(accuracy)}${spread}; ${facts.join("; ")}`;
}

const share = (value: number | null) => (value === null ? "–" : percent(value, 1));

/** The ends of a confidence interval. */
function range({ interval: { low, high } }: Pick<Evaluation, "interval">): string {
  return `${(100 * low).toFixed(1)} – ${(100 * high).toFixed(1)} %`;
}

/** Accuracy by class, with what each is most often taken for. Of many classes only the worst. */
function classTable({ classes, confusion, perClass, seeds }: Evaluation): string[] {
  const all = classes.map((name, label) => {
    const counts = confusion[label]!;
    const pictures = counts.reduce((sum, count) => sum + count, 0);
    const wrong = counts.map((count, predicted) => (predicted === label ? 0 : count));
    const most = Math.max(...wrong);
    const other = classes[wrong.indexOf(most)]!;
    const taken = most === 0 ? "" : `${printable(other)} (${share(most / pictures)})`;
    // The counts are those of all seeds.
    return { name, accuracy: perClass[name] ?? null, pictures: pictures / (seeds?.length ?? 1), taken };
  });
  const many = all.length > longestList;
  if (many) all.sort((a, b) => (a.accuracy ?? 2) - (b.accuracy ?? 2));
  const rows = (many ? all.slice(0, 20) : all).map(({ name, accuracy, pictures, taken }) => [
    printable(name),
    String(pictures),
    share(accuracy),
    taken,
  ]);
  const head = [many ? "class (the 20 worst)" : "class", "pictures", "accuracy", "most often taken for"];
  return columns([head, ...rows], [1, 2]);
}

/** The largest entries of the confusion matrix by name; before them the matrix where it is small and fits the width. */
function confusionTable({ classes, confusion, mostConfused, seeds }: Evaluation, width: number): string[] {
  const pairs = mostConfused.map(
    ({ count, label, predicted, ...pair }) =>
      `${printable(label)} taken for ${printable(predicted)} (${count}, ${share(pair.share)})`,
  );
  const over = seeds === undefined ? "" : ` (over ${seeds.length} seeds)`;
  const named = pairs.length === 0 ? [] : [`most confused${over}: ${pairs.join("; ")}`];
  if (classes.length > largestMatrix) return named;
  const numbers = classes.map((_, label) => String(label + 1));
  const rows = classes.map((name, label) => [
    printable(name),
    numbers[label]!,
    ...confusion[label]!.map(String),
  ]);
  const head = ["true \\ predicted", "", ...numbers];
  const matrix = columns([head, ...rows], [...head.keys()].slice(1));
  return Math.max(...matrix.map((text) => text.length)) > width ? named : [...matrix, ...named];
}

function seedTable({ seeds, optimizer }: Evaluation): string[] {
  if (seeds === undefined) return [];
  const setting = optimizer === undefined ? [] : [optimizer === "lbfgs" ? "penalty" : "learning rate"];
  const rows = seeds.map(({ accuracy, learningRate, penalty, seed }) => [
    String(seed),
    share(accuracy),
    ...setting.map(() => String(penalty ?? learningRate)),
  ]);
  return columns([["seed", "accuracy", ...setting], ...rows], [0, 1, 2]);
}

function rateTable({ learningRate: chosen, learningRates }: Evaluation): string[] {
  if (learningRates === undefined) return [];
  const rows = learningRates.map(({ accuracy, heldOutAccuracy, learningRate }) => [
    String(learningRate),
    share(heldOutAccuracy),
    share(accuracy),
    learningRate === chosen ? "chosen" : "",
  ]);
  return columns([["learning rate", "held out", "test", ""], ...rows], [0, 1, 2]);
}

function layerTable({ layers }: Evaluation): string[] {
  if (layers === undefined) return [];
  const best = Math.max(...layers.map(({ accuracy }) => accuracy));
  const rows = layers.map((layer) => [
    String(layer.layer),
    share(layer.accuracy),
    range(layer),
    `${"█".repeat(Math.round(30 * layer.accuracy))}${layer.accuracy === best ? " best" : ""}`,
  ]);
  return columns([["layer", "accuracy", "95 % confidence", ""], ...rows], [0, 1, 2]);
}
