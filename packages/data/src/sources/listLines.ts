import type { ListedPicture } from "./labelTable.js";
import { isPictureName, pictureExtensions } from "./pictureFormats.js";

const ending = pictureExtensions.map((each) => each.slice(1)).join("|");
/** A path up to the last picture's ending, what stands between, and what follows. */
const pathAndRest = new RegExp(`^(.+\\.(?:${ending}))"?\\s*[\\s,;]\\s*(.+)$`, "is");
/** MXNet's lists: a running number, labels, and the path. */
const numberedPath = /^\d+\t(?:([-+\d.eE]+)\t)+(.+)$/;

/**
 * Reads a line of a list: a path, or a path and a label behind it (`n01440764/1.jpg 0`, as Caffe writes it; tab, comma
 * and semicolon do as well), or number, label and path as in MXNet's lists.
 *
 * @param isFile Whether a path is that of a file: spaces belong to the name where the whole line is one.
 */
export function parseListLine(line: string, isFile: (path: string) => boolean): ListedPicture {
  const whole = { name: line, label: null };
  const [, path, rest] = pathAndRest.exec(line) ?? [];
  const numbered = numberedPath.exec(line);
  if (numbered !== null && !isFile(line)) return { name: numbered[2]!, label: numbered[1]! };
  if (path === undefined || rest === undefined) {
    const trimmed = line.trim();
    return trimmed !== line && !isFile(line) && isFile(trimmed) ? { name: trimmed, label: null } : whole;
  }
  const name = line.startsWith('"') ? path.slice(1).replaceAll('""', '"') : path;
  // A second picture, such as a mask, is not a label; and `a.jpg b.jpg` may be a name.
  if (isPictureName(rest)) return isFile(line) || !isFile(name) ? whole : { name, label: null };
  return isFile(line) ? whole : { name, label: labelOf(rest) };
}

/** A name, or one number; several numbers are no class. */
function labelOf(text: string): string | null {
  const trimmed = text.trim().replace(/^"(.*)"$/s, "$1");
  return /^[-+\d.eE]+([\s,;]+[-+\d.eE]+)+$/.test(trimmed) ? null : trimmed;
}
