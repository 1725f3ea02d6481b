import { shownName } from "@splitmask/data";
import { writeFileDurably } from "@splitmask/files";
import { type PicturePrediction, type PredictRequest, predict, tellSkipped } from "@splitmask/pipelines";
import { stringify } from "csv-stringify/sync";
import type { CommandTerminal } from "../terminal/terminal.js";

/** `splitmask predict`, to a file or to standard output. */
export async function runPredict(
  terminal: CommandTerminal,
  request: PredictRequest,
  out: string | undefined,
  format = /\.jsonl?$/i.test(out ?? "") ? "json" : "csv",
): Promise<void> {
  const { classes, predictions, root, skipped } = await predict(request, terminal);
  tellSkipped(skipped, terminal);
  const text = format === "csv" ? predictionsCsv(predictions) : predictionsJsonLines(predictions);
  if (out === undefined) {
    terminal.data(text);
    return;
  }
  await writeFileDurably(out, text);
  const { length: count } = predictions;
  terminal.result({ predictions: out, format, root, count, classes, skipped: skipped.length }, [
    `${count} predictions of ${classes.length} classes in ${out}`,
  ]);
}

/**
 * What readers take for more than a part of a name: ends of lines of any kind (csv-stringify looks for its own only),
 * separators, quotes, and spaces that some strip.
 */
const needsQuotes = /[\r\n\v\f\u0085\u2028\u2029,;\t"]|^\s|\s$/;

/**
 * Predictions as CSV (RFC 4180: CRLF, quotes where a field needs them): `path,label,probability`, then
 * `label_2,probability_2` … where more classes are given. Bytes of a path that are not UTF-8 are written as `\xe9`;
 * JSON keeps them.
 */
export function predictionsCsv(predictions: readonly PicturePrediction[]): string {
  const places = predictions[0]?.classes.length ?? 1;
  const suffixes = Array.from({ length: places }, (_, place) => (place === 0 ? "" : `_${place + 1}`));
  const header = ["path", ...suffixes.flatMap((suffix) => [`label${suffix}`, `probability${suffix}`])];
  const rows = predictions.map(({ classes, path }) => [
    shownName(path),
    ...classes.flatMap(({ label, probability }) => [label, String(probability)]),
  ]);
  return stringify([header, ...rows], { record_delimiter: "windows", quoted_match: needsQuotes });
}

/**
 * Predictions as JSON, one object a line: path, label, probability, and `classes` with all of them where more than one
 * is given.
 */
export function predictionsJsonLines(predictions: readonly PicturePrediction[]): string {
  return predictions
    .map(({ classes, path }) => {
      const more = classes.length > 1 ? { classes } : {};
      return `${JSON.stringify({ path, ...classes[0]!, ...more })}\n`;
    })
    .join("");
}
