import { type DatasetUse, type ImageDataset, openDataset } from "@splitmask/data";
import { type Choice, type SourceConfig, sourceGiven } from "../settings/sourceFields.js";
import { parseValueRange } from "../settings/valueRange.js";
import { printable } from "../terminal/printable.js";
import type { Terminal } from "../terminal/terminal.js";

/** How pictures are opened. */
export interface OpenPicturesOptions extends Choice<SourceConfig> {
  /** The classes, where others have set them. */
  readonly classes?: readonly string[] | undefined;
  /** What the pictures are for, which chooses among the parts of a source. Default: all parts. */
  readonly use?: DatasetUse;
  /** Folder of caches, for what is kept of tar shards. */
  readonly cacheFolder?: string | null | undefined;
}

/** Opens pictures in any format that `openDataset` knows, and tells what it notes. */
export async function openPictures(
  path: string,
  terminal: Terminal,
  options: OpenPicturesOptions = {},
): Promise<ImageDataset> {
  const { cacheFolder, classes, use } = options;
  const { valueRange, ...source } = sourceGiven(options);
  let shown = false;
  const range = valueRange === undefined ? null : parseValueRange(valueRange);
  const dataset = await openDataset(path, {
    ...source,
    ...(cacheFolder ? { cacheFolder } : {}),
    ...(classes === undefined ? {} : { classes }),
    ...(use === undefined ? {} : { use }),
    ...(range === null ? {} : { valueRange: range }),
    onProgress: (done, total) => {
      shown = true;
      terminal.progress(`${path}: ${done} of ${total} shards opened`);
    },
  });
  if (shown) terminal.endProgress();
  for (const { level, text } of dataset.notes ?? []) {
    if (level === "warning") terminal.warn(printable(text));
    else terminal.line(printable(text));
  }
  return dataset;
}

/** Where the paths of pictures start that people are shown. */
export function rootOf(dataset: ImageDataset): string {
  return dataset.root ?? process.cwd();
}
