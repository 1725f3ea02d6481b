import type { ReportRequest } from "@splitmask/pipelines";
import { didYouMean, sharedGroups, UsageError } from "@splitmask/pipelines/settings";
import { addOptions, type CommandLine, finish, number, runMethodOption } from "./commandLine.js";
import { addFieldOptions } from "./fieldOptions.js";

export function addReport({ program, terminal }: CommandLine): void {
  const command = program
    .command("report")
    .description(
      "Write a self-contained HTML page about a run (curves, predictions, attention, a map, neighbors), or a " +
        "comparison of several runs",
    )
    .argument("<run...>", "run folder; several run folders are compared: curves, settings, final figures");
  addOptions(command, "--pictures <folder>  pictures to show (default: the training pictures)");
  const source = addFieldOptions(command, [sharedGroups.source]);
  addOptions(
    command,
    `
    ${runMethodOption}
    --map <method>  map of the embeddings: pca or umap (default: pca)
    --out <file>  page to write (default: report.html in the run folder; for several runs comparison.html)
    --threads <n>  number of threads (default: all cores)`,
    { threads: number("count") },
  );
  finish(
    command,
    `
    splitmask report runs/photos
    writes runs/photos/report.html
    splitmask report runs/photos --pictures ./new --out new.html
    show other pictures
    splitmask report runs/a runs/b --out compare.html
    compare two runs
    `,
  ).action(async (runs: readonly string[], options: Omit<ReportRequest, "run">) => {
    const { writeComparison, writeReport } = await import("@splitmask/pipelines");
    const { mapMethods } = await import("@splitmask/report");
    const request = { ...options, ...source(options) };
    const { map, pictures } = request;
    if (map !== undefined && !mapMethods.includes(map)) {
      const suggestion = didYouMean(map, mapMethods) ?? "";
      throw new UsageError(
        `--map: got "${map}", expected ${mapMethods.join(" or ")}. ${suggestion}`.trimEnd(),
      );
    }
    const [run, ...others] = runs as [string];
    if (others.length > 0 && (map ?? pictures) !== undefined)
      throw new UsageError(
        `${map === undefined ? "--pictures" : "--map"} is for the report of one run, and ${runs.length} are given: ` +
          "side by side only figures are shown. Leave it out, or give one run.",
      );
    const report =
      others.length > 0
        ? await writeComparison({ ...request, runs }, terminal)
        : await writeReport({ ...request, run }, terminal);
    terminal.result({ report }, [`report: ${report}`]);
  });
}
