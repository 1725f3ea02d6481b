import { readConfigFile, UsageError } from "@splitmask/pipelines/settings";
import {
  paperPlan,
  paperPlanNames,
  readPlan,
  resultText,
  type StudyPlan,
  type StudyScale,
  study,
  studyDryRun,
  studyEstimateText,
} from "@splitmask/pipelines/study";
import type { CommandLine } from "./commandLine.js";
import { withSignals } from "./signals.js";

/** The options of `splitmask study`. */
export interface StudyOptions {
  readonly pictures?: readonly string[];
  readonly train?: string;
  readonly test?: string;
  readonly scale?: StudyScale;
  readonly config?: string;
  readonly seeds?: readonly number[];
  readonly out?: string;
  readonly processes?: number;
  readonly dryRun?: boolean;
}

/** `splitmask study`. */
export async function runStudy(commandLine: CommandLine, name: string, options: StudyOptions): Promise<void> {
  const { terminal } = commandLine;
  const plan = await planOf(name, options);
  const { dryRun = false, out = "studies", processes } = options;
  const request = { plan, out, ...(processes === undefined ? {} : { processes }) };
  if (dryRun) {
    const estimate = await studyDryRun(request, terminal);
    terminal.result(estimate, studyEstimateText(estimate));
    return;
  }
  const stopping = "stopping; trainings leave a checkpoint (Ctrl-C again: at once)";
  await withSignals(commandLine, stopping, async (signal) => {
    const { files, interrupted, results } = await study({ ...request, signal }, terminal);
    const again = interrupted ? ["stopped; the same command goes on"] : [];
    terminal.result({ ...results, interrupted, files }, [
      ...resultText(results).trimEnd().split("\n"),
      `results: ${files.text}, ${files.json}`,
      `page: ${files.page}`,
      ...again,
    ]);
    if (!interrupted) commandLine.exitCode = results.failures.length > 0 ? 1 : 0;
  });
}

/** The plan of a file, or one of the paper's on the pictures that options give. */
async function planOf(name: string, options: StudyOptions): Promise<StudyPlan> {
  const { config, pictures, scale, seeds, test, train } = options;
  const isFile = /\.(json|m?js|m?ts)$/i.test(name);
  if (isFile) {
    const wrong = Object.entries({ pictures, train, test, scale, config }).find(
      ([, value]) => value !== undefined,
    );
    if (wrong !== undefined) {
      throw new UsageError(
        `--${wrong[0]} is for the studies of the paper (${paperPlanNames.join(", ")}); write it into ${name} instead.`,
      );
    }
    const plan = await readPlan(name);
    return seeds === undefined ? plan : { ...plan, seeds };
  }
  if (paperPlanNames.includes(name) && train === undefined)
    throw new UsageError("--train: expected the folder of labeled training pictures.");
  return paperPlan({
    ...{ name, scale: scale ?? "small", train: train ?? "." },
    ...(pictures === undefined ? {} : { pictures }),
    ...(test === undefined ? {} : { test }),
    ...(seeds === undefined ? {} : { seeds }),
    ...(config === undefined ? {} : { settings: await readConfigFile(config) }),
  });
}
