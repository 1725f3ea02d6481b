/** What browsers have instead of files: errors. */
const noFiles = (path: unknown, ..._: readonly unknown[]): Promise<never> =>
  Promise.reject(
    new Error(
      `a browser has no file ${String(path)}: fetch its bytes and read them with parseSafetensors of ` +
        "@splitmask/autograd, and give them to loadStateDict.",
    ),
  );

export const readFile = noFiles;
export const writeFile = noFiles;
export const mkdir = noFiles;

export function join(...parts: readonly string[]): string {
  return parts.join("/");
}
