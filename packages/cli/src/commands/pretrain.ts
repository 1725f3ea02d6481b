import { usualRunFolder } from "@splitmask/pipelines/settings";
import {
  addOptions,
  addRunOptions,
  addSettings,
  type CommandLine,
  configOption,
  finish,
  isDryRun,
  type RunOptions,
} from "./commandLine.js";

export function addPretrain(commandLine: CommandLine): void {
  const command = commandLine.program
    .command("pretrain")
    .description("Pre-train an encoder on a folder of pictures")
    .argument(
      "<folder>",
      "folder of pictures, flat or nested (labels are not used); or a quoted pattern, a text file of paths, a table, " +
        "tar shards, Parquet, IDX, CIFAR or COCO",
    );
  addOptions(
    command,
    `
    --out <run>  run folder to write: configuration, checkpoints, metrics, report
      (default: runs/<name of the pictures' folder>)
    ${configOption}`,
  );
  const settings = addSettings(commandLine, command);
  finish(
    addRunOptions(command),
    `
    splitmask pretrain ./photos --out runs/photos
    all settings are chosen, and printed with their reasons
    splitmask pretrain ./photos --out runs/photos --time 20m
    as many steps as fit in twenty minutes
    splitmask pretrain ./photos --dry-run
    show what would be trained, and the time and memory it takes
    splitmask pretrain ./photos --out runs/photos --resume
    continue after Ctrl-C
    splitmask pretrain ./photos --out runs/large --model small --image-size 112 --epochs 100
    ViT-S
    `,
  ).action(async (folder: string, options: RunOptions & { readonly out?: string }) => {
    const { out = usualRunFolder(folder), resume = false, overwrite = false } = options;
    const request = { folder, out, config: await settings(options), resume, overwrite };
    const { runPretrain } = await import("./training.js");
    await runPretrain(commandLine, request, isDryRun(options));
  });
}
