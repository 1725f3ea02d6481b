import { shownName } from "../fileNames.js";

/** More classes than any classification data set has: a larger label is damage, and would make as many names. */
const mostClasses = 1_000_000;

/**
 * The names of the classes for labels that are numbers.
 *
 * @param reader Who asks, for the message.
 * @param source The file that the labels came from.
 * @param labels −1: no label.
 * @param given Names that are known; default `"0"`, `"1"`, … up to the largest label.
 * @throws Error If a label has no name.
 */
export function classesFor(
  reader: string,
  source: string,
  labels: Int32Array,
  given?: readonly string[],
): readonly string[] {
  let most = -1;
  for (const label of labels) most = Math.max(most, label);
  if (given !== undefined && most >= given.length) {
    throw new Error(
      `${reader}: ${source} holds the label ${most}, but there are ${given.length} classes (labels run from 0 to ${given.length - 1}). Give all classes, or mend the file.`,
    );
  }
  if (most >= mostClasses) {
    throw new Error(
      `${reader}: ${source} holds the label ${most}; expected class numbers below ${mostClasses}. The file is damaged, or the column is no class label.`,
    );
  }
  return given ?? Array.from({ length: most + 1 }, (_, label) => String(label));
}

/**
 * The name of a class as it is compared and shown: composed (Unicode NFC), since macOS writes `é` as two characters where others write one; bytes that are no UTF-8 as `\\xe9`.
 *
 * @param name What a folder, a file or a column calls it.
 */
export function className(name: string): string {
  return shownName(name).normalize("NFC");
}

/** The label of each class, by its `className`. */
export function numberClasses(classes: readonly string[]): Map<string, number> {
  return new Map(classes.map((name, label) => [className(name), label]));
}

/** Names of classes as files hold them, one a line; blank lines at the end do not count. */
export function parseClassNames(text: string): string[] {
  const lines = text.split(/\r?\n/).map((line) => className(line.trim()));
  while (lines.at(-1) === "") lines.pop();
  return lines;
}
