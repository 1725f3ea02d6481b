import { type EvaluateRequest, type EvaluationKind, evaluate } from "../run/evaluate.js";
import { columns, type Terminal } from "../terminal/terminal.js";

const names = { knn: "k-NN accuracy", probe: "linear-probe accuracy" } as const;

/** `splitmask knn` and `splitmask probe`. */
export async function runEvaluation(
  terminal: Terminal,
  kind: EvaluationKind,
  request: EvaluateRequest,
): Promise<void> {
  const { [kind]: result } = await evaluate(request, [kind], terminal);
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const encoder = result.untrained ? "the untrained encoder" : `the encoder after ${result.step} steps`;
  const { perClass } = result;
  for (const text of columns(
    Object.entries(perClass).map(([name, share]) => [`  ${name}`, share === null ? "–" : percent(share)]),
  ))
    terminal.line(text);
  terminal.result(result, [
    `${names[kind]} of ${encoder}: ${percent(result.accuracy)} (${result.classes.length} classes, ${result.train} training and ${result.test} test pictures; always the most frequent class: ${percent(result.chance)})`,
  ]);
}
