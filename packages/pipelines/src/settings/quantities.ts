/** Bytes as a person says them: `"820 MiB"`, `"1.4 GiB"`. */
export function formatBytes(bytes: number): string {
  return bytes < 1000 * 2 ** 20 ? `${Math.ceil(bytes / 2 ** 20)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
