import type { EmbedRequest } from "@splitmask/pipelines";
import { sharedGroups } from "@splitmask/pipelines/settings";
import { addBatchOptions, addOptions, type CommandLine, finish, runMethodOption } from "./commandLine.js";
import { addFieldOptions } from "./fieldOptions.js";

export function addEmbed({ program, terminal }: CommandLine): void {
  const command = program
    .command("embed")
    .description("Write the encoder's embedding of every picture in a folder")
    .argument("<run>", "run folder, or a checkpoint folder inside it")
    .argument("<folder>", "folder of pictures, or another source as for pretrain")
    .requiredOption(
      "--out <file>",
      "NumPy file to write, N×D float32; the paths are written to a .jsonl file beside it",
    );
  addOptions(command, "--untrained  use the encoder as it was before training");
  const source = addFieldOptions(command, [sharedGroups.source]);
  finish(
    addBatchOptions(addOptions(command, runMethodOption)),
    `
    splitmask embed runs/photos ./photos --out features.npy
    features.npy and features.jsonl
    python -c "import numpy; print(numpy.load('features.npy').shape)"
    read it anywhere
    `,
  ).action(async (run: string, folder: string, options: Omit<EmbedRequest, "run" | "folder">) => {
    const { embed, tellSkipped } = await import("@splitmask/pipelines");
    const result = await embed({ ...options, ...source(options), run, folder }, terminal);
    const { features, paths, root, count, width, skipped } = result;
    tellSkipped(skipped, terminal);
    terminal.result({ ...result, skipped: skipped.length }, [
      `${count}×${width} float32 in ${features}, the paths of the rows, from ${root} on, in ${paths}`,
    ]);
  });
}
