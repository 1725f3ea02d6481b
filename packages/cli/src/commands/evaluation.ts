import { writeFileDurably } from "@splitmask/files";
import type { EvaluationKind } from "@splitmask/pipelines";
import { type EvaluateRequest, type Evaluation, evaluate } from "@splitmask/pipelines";
import { columns, UsageError } from "@splitmask/pipelines/settings";
import { layerChart, percent } from "@splitmask/report";
import type { CommandTerminal } from "../terminal/terminal.js";
import { classTable, confusionTable } from "./confusionTable.js";

const names = { knn: "k-NN accuracy", probe: "linear-probe accuracy" } as const;

/** Files that an evaluation is written to. */
export interface EvaluationFiles {
  /** The result as JSON. */
  readonly out?: string;
  /** Accuracy by layer as SVG. */
  readonly chart?: string;
}

/** `splitmask knn` and `splitmask probe`. */
export async function runEvaluation(
  terminal: CommandTerminal,
  kind: EvaluationKind,
  request: EvaluateRequest,
  files: EvaluationFiles = {},
): Promise<void> {
  for (const [option, ending] of [
    ["out", ".json"],
    ["chart", ".svg"],
  ] as const) {
    const path = files[option];
    if (path !== undefined && !path.endsWith(ending))
      throw new UsageError(`--${option}: got "${path}", expected a file name that ends in ${ending}.`);
  }
  const { [kind]: result } = await evaluate(request, [kind], terminal);
  const name = names[kind];
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
    await writeFileDurably(files.chart, layerChart(result.layers, title, result.chance));
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
