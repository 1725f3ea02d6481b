import { type PreviewRequest, preview, tellSkipped } from "@splitmask/pipelines";
import { readConfigFile } from "@splitmask/pipelines/settings";
import type { CommandTerminal } from "../terminal/terminal.js";

/** A `splitmask preview` command line. */
export interface PreviewCommand extends PreviewRequest {
  /** Path of `--config`. */
  readonly configFile?: string;
}

/** `splitmask preview`. */
export async function runPreview(terminal: CommandTerminal, command: PreviewCommand): Promise<void> {
  const { configFile, ...request } = command;
  const fromFile = configFile === undefined ? {} : await readConfigFile(configFile);
  const result = await preview({ ...request, config: { ...fromFile, ...request.config } }, terminal);
  tellSkipped(result.skipped, terminal);
  terminal.result({ ...result, skipped: result.skipped.length }, [`preview: ${result.out}`]);
}
