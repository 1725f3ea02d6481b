import { writeFileDurably } from "@splitmask/files";
import { type EvaluateRequest, type Evaluation, type EvaluationKind, evaluate } from "@splitmask/pipelines";
import { columns, printable } from "@splitmask/pipelines/settings";
import { layerChart, percent } from "@splitmask/report";
import type { CommandTerminal } from "../terminal/terminal.js";

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
  const encoder = result.untrained ? "the untrained encoder" : `the encoder after ${result.step} steps`;
  for (const section of [
    classTable(result),
    confusionTable(result, terminal.width),
    seedTable(result),
    rateTable(result),
    layerTable(result),
  ]) {
    if (section.length === 0) continue;
    for (const text of section) terminal.line(text);
    terminal.line();
  }
  if (files.out !== undefined) {
    const { run, train, test } = request;
    const described = { evaluation: kind, run, trainPictures: train, testPictures: test, ...result };
    await writeFileDurably(files.out, `${JSON.stringify(described, null, 2)}\n`);
    terminal.line(`result: ${files.out}`);
  }
  if (files.chart !== undefined && result.layers !== undefined) {
    const title = `${name[0]!.toUpperCase()}${name.slice(1)} by layer, ${encoder}`;
    await writeFileDurably(files.chart, layerChart(result.layers, { title, chance: result.chance }));
    terminal.line(`chart: ${files.chart}`);
  }
  for (const text of result.warnings) terminal.warn(text);
  terminal.result(result, [summary(name, encoder, result)]);
}

function summary(name: string, encoder: string, result: Evaluation): string {
  const { accuracy, seeds, standardDeviation, top5Accuracy } = result;
  const layer = result.layers === undefined ? "" : ` at layer ${result.layers.at(-1)!.layer}`;
  const spread =
    seeds === undefined
      ? ""
      : ` ± ${(100 * standardDeviation!).toFixed(1)} (mean ± standard deviation over ${seeds.length} seeds)`;
  const facts = [
    `95 % confidence ${range(result)}`,
    ...(top5Accuracy === null ? [] : [`top-5 ${percent(top5Accuracy, 1)}`]),
    `${result.classes.length} classes, ${result.train} training and ${result.test} test pictures`,
    `always the most frequent class: ${percent(result.chance, 1)}`,
    ...(result.warnings.length === 0 ? [] : ["NOT on new pictures: see the warning"]),
    ...(result.converged === false ? ["the fit stopped before its optimum"] : []),
  ];
  return `${name} of ${encoder}${layer}: ${percent(accuracy, 1)}${spread}; ${facts.join("; ")}`;
}

/** The ends of a confidence interval. */
function range({ interval: { low, high } }: Pick<Evaluation, "interval">): string {
  return `${(100 * low).toFixed(1)} – ${(100 * high).toFixed(1)} %`;
}

function seedTable({ seeds, optimizer }: Evaluation): string[] {
  if (seeds === undefined) return [];
  const setting = optimizer === undefined ? [] : [optimizer === "lbfgs" ? "penalty" : "learning rate"];
  return columns(
    [
      ["seed", "accuracy", ...setting],
      ...seeds.map(({ accuracy, learningRate, penalty, seed }) => [
        String(seed),
        percent(accuracy, 1),
        ...(setting.length === 0 ? [] : [String(penalty ?? learningRate)]),
      ]),
    ],
    [0, 1, 2],
  );
}

function rateTable({ learningRate, learningRates }: Evaluation): string[] {
  if (learningRates === undefined) return [];
  return columns(
    [
      ["learning rate", "held out", "test", ""],
      ...learningRates.map((rate) => [
        String(rate.learningRate),
        rate.heldOutAccuracy === null ? "–" : percent(rate.heldOutAccuracy, 1),
        percent(rate.accuracy, 1),
        rate.learningRate === learningRate ? "chosen" : "",
      ]),
    ],
    [0, 1, 2],
  );
}

function layerTable({ layers }: Evaluation): string[] {
  if (layers === undefined) return [];
  const best = Math.max(...layers.map(({ accuracy }) => accuracy));
  return columns(
    [
      ["layer", "accuracy", "95 % confidence", ""],
      ...layers.map((layer) => [
        String(layer.layer),
        percent(layer.accuracy, 1),
        range(layer),
        `${"█".repeat(Math.round(30 * layer.accuracy))}${layer.accuracy === best ? " best" : ""}`,
      ]),
    ],
    [0, 1, 2],
  );
}
/**
 * Accuracy by class, with what each is most often taken for. Of many classes only the worst.
 *
 * @returns Lines.
 */
export function classTable({ classes, confusion, perClass, seeds }: Evaluation): string[] {
  const rows = classes.map((name, label) => {
    const counts = confusion[label]!;
    const pictures = counts.reduce((sum, count) => sum + count, 0);
    const wrong = counts.map((count, predicted) => (predicted === label ? 0 : count));
    const most = Math.max(...wrong);
    const taken =
      most === 0 ? "" : `${printable(classes[wrong.indexOf(most)]!)} (${percent(most / pictures, 1)})`;
    // The counts are those of all seeds.
    return { name, share: perClass[name] ?? null, pictures: pictures / (seeds?.length ?? 1), taken };
  });
  const many = rows.length > longestList;
  if (many) {
    rows.sort((a, b) => (a.share ?? 2) - (b.share ?? 2));
    rows.length = 20;
  }
  return columns(
    [
      [many ? "class (the 20 worst)" : "class", "pictures", "accuracy", "most often taken for"],
      ...rows.map(({ name, pictures, share, taken }) => [
        printable(name),
        String(pictures),
        share === null ? "–" : percent(share, 1),
        taken,
      ]),
    ],
    [1, 2],
  );
}

/**
 * The confusion matrix, and its largest entries by name. Without the matrix where there are many classes, or the
 * terminal is too narrow.
 *
 * @param width Characters a line may have.
 * @returns Lines.
 */
export function confusionTable(
  { classes, confusion, mostConfused, seeds }: Evaluation,
  width: number,
): string[] {
  const pairs = mostConfused.map(
    ({ count, label, predicted, share }) =>
      `${printable(label)} taken for ${printable(predicted)} (${count}, ${percent(share, 1)})`,
  );
  const named =
    pairs.length === 0
      ? []
      : [`most confused${seeds === undefined ? "" : ` (over ${seeds.length} seeds)`}: ${pairs.join("; ")}`];
  if (classes.length > largestMatrix) return named;
  const numbers = classes.map((_, label) => String(label + 1));
  const matrix = columns(
    [
      ["true \\ predicted", "", ...numbers],
      ...classes.map((name, label) => [printable(name), numbers[label]!, ...confusion[label]!.map(String)]),
    ],
    Array.from({ length: classes.length + 1 }, (_, column) => column + 1),
  );
  return Math.max(...matrix.map((text) => text.length)) > width ? named : [...matrix, ...named];
}
