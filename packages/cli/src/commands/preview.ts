import { type PreviewRequest, preview, tellSkipped } from "@splitmask/pipelines";
import type { CommandTerminal } from "../terminal/terminal.js";

/** `splitmask preview`. */
export async function runPreview(terminal: CommandTerminal, request: PreviewRequest): Promise<void> {
  const result = await preview(request, terminal);
  tellSkipped(result.skipped, terminal);
  terminal.result({ ...result, skipped: result.skipped.length }, [`preview: ${result.out}`]);
}
