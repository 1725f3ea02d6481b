import { UsageError } from "@splitmask/methods/settings";
import { withDevice } from "../machine/withDevice.js";
import type { RunMethod } from "../runs/methodOf.js";
import { silentTerminal, type Terminal } from "../terminal/terminal.js";
import { exportedModel } from "./exportedModel.js";
import type { ExportOptions } from "./exportOptions.js";
import { type ExportFormatName, exportFormats } from "./formats.js";

/** What to export, and where to. */
export interface ExportRequest extends RunMethod, ExportOptions {
  /** A run folder of pre-training or fine-tuning, or a checkpoint folder of pre-training. */
  readonly run: string;
  /** The format. */
  readonly to: ExportFormatName;
  /** The folder to write; default: beside the run, with the format behind its name, such as `runs/photos-onnx`. */
  readonly out?: string;
  /** Threads; all cores when not given. */
  readonly threads?: number;
}

/** What was written. */
export interface ExportResult {
  /** The folder. */
  readonly out: string;
  /** The files in it that were written. */
  readonly files: readonly string[];
}

/**
 * Writes the encoder of a pre-training run, or the classifier of a fine-tuning run, for other programs, with a model
 * card. An exported model is compared with ours where onnxruntime-node is installed.
 *
 * @param request What, how and where to.
 * @param terminal Where it is told.
 * @throws UsageError (rejects) where there is no such format, or the folder is another run's; Error where the run has
 *   no model yet.
 */
export async function exportRun(
  request: ExportRequest,
  terminal: Terminal = silentTerminal,
): Promise<ExportResult> {
  const { run, threads, to, out = `${run.replace(/[/\\]+$/, "")}-${to}` } = request;
  const write = exportFormats[to];
  if (write === undefined) {
    const expected = Object.keys(exportFormats).join(", ");
    throw new UsageError(`exportRun: there is no format "${to}"; expected one of ${expected}.`);
  }
  return withDevice(threads, async (device) => {
    const model = await exportedModel(device, request);
    return { out, files: await write(model, out, request, terminal) };
  });
}
