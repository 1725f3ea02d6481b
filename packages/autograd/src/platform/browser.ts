/** What browsers have instead of files: errors. */
const noFiles = (path: unknown): Error =>
  new Error(
    `a browser has no file ${String(path)}: fetch its bytes and read them with parseSafetensors, or make them with ` +
      "serializeSafetensors and offer them as a download.",
  );

export function readFile(path: string): Promise<Uint8Array> {
  return Promise.reject(noFiles(path));
}

export function writeFileDurably(path: string): Promise<void> {
  return Promise.reject(noFiles(path));
}
