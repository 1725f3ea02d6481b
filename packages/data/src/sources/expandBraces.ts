/** More paths than anybody has shards. */
const mostPaths = 1_000_000;

/** Whether a path has braces that `expandBraces` writes out: a range of numbers, or a list. */
export function hasBraces(path: string): boolean {
  return /\{(\d+\.\.\d+|[^{}]*,[^{}]*)\}/.test(path);
}

/**
 * Writes out ranges and lists in braces, as a shell does: `shard-{000000..000012}.tar` is 13 paths, zeros in front are
 * kept; `{train,val}.tar` is two.
 *
 * @throws Error If there would be more than a million paths.
 */
export function expandBraces(path: string): string[] {
  const match = /\{(?:(\d+)\.\.(\d+)|([^{}]*,[^{}]*))\}/.exec(path);
  if (match === null) return [path];
  const [whole, from, to, list] = match;
  const before = path.slice(0, match.index);
  const rests = expandBraces(path.slice(match.index + whole.length));
  const middles = list === undefined ? range(from!, to!) : list.split(",");
  if (middles.length * rests.length > mostPaths) throw tooMany(path);
  return middles.flatMap((middle) => rests.map((rest) => before + middle + rest));
}

function range(from: string, to: string): string[] {
  const [first, last] = [Number(from), Number(to)];
  const count = Math.abs(last - first) + 1;
  if (count > mostPaths) throw tooMany(`{${from}..${to}}`);
  const width = /^0\d/.test(from) || /^0\d/.test(to) ? Math.max(from.length, to.length) : 0;
  return Array.from({ length: count }, (_, place) =>
    String(last >= first ? first + place : first - place).padStart(width, "0"),
  );
}

function tooMany(pattern: string): Error {
  return new Error(`${pattern} stands for more than ${mostPaths} paths; expected fewer.`);
}
