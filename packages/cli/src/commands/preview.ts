import type { PreviewRequest } from "@splitmask/pipelines";
import { sharedGroups } from "@splitmask/pipelines/settings";
import { addOptions, addSettings, type CommandLine, finish, number } from "./commandLine.js";

/** The settings that a preview shows: none of the training loop, and of the model no depth. */
const previewed = new Set([
  ...["method", "imageSize", "patch", "seed", "threads"],
  ...Object.keys(sharedGroups.augmentation.fields),
  ...Object.keys(sharedGroups.source.fields),
]);

export function addPreview(commandLine: CommandLine): void {
  const { program, terminal } = commandLine;
  const command = program
    .command("preview")
    .description("Draw a contact sheet of pictures and their augmented versions, as the model will see them")
    .argument("<folder>", "folder of pictures, as for pretrain");
  addOptions(
    command,
    `
    --out <file>  sheet to write: .png or .html (default: "preview.png")
    --count <n>  number of pictures, one per row (default: 8)
    --versions <n>  augmented versions of each picture, one per epoch (default: 5)
    --config <file>  configuration file, as for pretrain; options on the command line override it`,
    { count: number("count"), versions: number("count") },
  );
  const settings = addSettings(commandLine, command, (name) => previewed.has(name));
  finish(
    command,
    `
    splitmask preview ./photos
    writes preview.png, with the settings that pretrain would choose
    splitmask preview ./photos --augmentation color --out preview.html
    with color augmentation, as a page
    `,
  ).action(
    async (
      folder: string,
      { out = "preview.png", ...options }: Omit<PreviewRequest, "folder" | "config">,
    ) => {
      const { preview, tellSkipped } = await import("@splitmask/pipelines");
      const request = { ...options, folder, out, config: await settings(options) };
      const result = await preview(request, terminal);
      tellSkipped(result.skipped, terminal);
      terminal.result({ ...result, skipped: result.skipped.length }, [`preview: ${result.out}`]);
    },
  );
}
