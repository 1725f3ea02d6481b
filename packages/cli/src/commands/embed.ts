import { type EmbedRequest, embed, tellSkipped } from "@splitmask/pipelines";
import type { CommandTerminal } from "../terminal/terminal.js";

/** `splitmask embed`. */
export async function runEmbed(terminal: CommandTerminal, request: EmbedRequest): Promise<void> {
  const { features, paths, root, count, width, skipped } = await embed(request, terminal);
  tellSkipped(skipped, terminal);
  terminal.result({ features, paths, root, count, width, skipped: skipped.length }, [
    `${count}×${width} float32 in ${features}, the paths of the rows, from ${root} on, in ${paths}`,
  ]);
}
