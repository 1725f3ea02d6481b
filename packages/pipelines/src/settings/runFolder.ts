import { join, parse, resolve, sep } from "node:path";

/**
 * Where a run goes unless it is said: `runs/photos` for `./photos`, `photos/*.jpg` and `photos.txt`.
 *
 * @param pictures A folder, a file or a pattern.
 * @returns A path that is relative to the working folder.
 */
export function usualRunFolder(pictures: string): string {
  const plain = resolve(pictures)
    .split(sep)
    .filter((part) => !/[*?[\]{}]/.test(part));
  return join("runs", parse(plain.at(-1) || "pictures").name);
}
