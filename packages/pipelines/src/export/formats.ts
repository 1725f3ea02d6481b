import type { Terminal } from "../terminal/terminal.js";
import type { ExportedModel } from "./exportedModel.js";
import type { ExportOptions } from "./exportOptions.js";
import { writerFor } from "./libraryFormat.js";
import { writeOnnxFolder } from "./onnxFormat.js";

/** Writes a model to a folder; gives the files. */
type WriteModel = (
  model: ExportedModel,
  folder: string,
  options: ExportOptions,
  terminal: Terminal,
) => Promise<readonly string[]>;

/** The formats that runs are exported to, by the name that `--to` takes. */
export const exportFormats = {
  onnx: writeOnnxFolder,
  timm: writerFor("timm"),
  transformers: writerFor("transformers"),
} as const satisfies Readonly<Record<string, WriteModel>>;

/** The name of one of them. */
export type ExportFormatName = keyof typeof exportFormats;
