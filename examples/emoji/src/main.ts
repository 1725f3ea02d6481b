#!/usr/bin/env node
import { resolve } from "node:path";
import { CommandTerminal } from "@splitmask/cli";
import {
  type Config,
  columns,
  type Evaluation,
  evaluate,
  pretrain,
  UsageError,
  writeReport,
} from "@splitmask/pipelines";
import { formatDuration } from "@splitmask/report";
import { Command, CommanderError } from "commander";
import { designs } from "./emoji.js";
import { rasterize, readDrawings } from "./rasterize.js";
import { pictureSize, trainingConfig } from "./settings.js";

const program = new Command("emoji")
  .description(
    "Pre-trains a small vision transformer with SplitMask on emoji in four designs and shows what it learned " +
      "on emoji that it has never seen.",
  )
  .option("--out <run>", "run folder; an earlier run in it is replaced", "runs/emoji")
  .option("--cache <folder>", "where the drawings are rasterized, once", "runs/emoji-drawings")
  .option("--steps <n>", `training steps (default: ${trainingConfig.steps})`)
  .option("--time <time>", 'time for the training, such as "2m", instead of steps')
  .option("--seed <n>", "seed of all randomness", "0")
  .option("--threads <n>", "threads; all cores when not given")
  .option("--json", "one machine-readable line on standard output; everything else goes to standard error")
  .option("--quiet", "only warnings and the result")
  .exitOverride();

/** A whole number from an option. */
function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return value;
  throw new UsageError(`--${name}: got "${text}", expected a whole number of at least ${least}.`);
}

/** How long to train where the command line says it: `steps`, `time`, or neither. */
function trainingLength({ steps, time }: Readonly<Record<string, string | undefined>>): Config {
  if (steps !== undefined && time !== undefined)
    throw new UsageError("--steps and --time were both given; give one of them.");
  if (time !== undefined) return { steps: undefined, time };
  return steps === undefined ? {} : { steps: whole("steps", steps, 1) };
}

async function run(
  terminal: CommandTerminal,
  options: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const started = performance.now();
  const { style } = terminal;
  const split = await readDrawings();
  const emoji = (split.train.length + split.test.length) / designs.length;
  const heldOut = split.test.length / designs.length;
  terminal.line(
    `${style.bold("Emoji")}: ${split.pretrain.length} drawings to learn from, without labels; ${heldOut} of ${emoji} ` +
      `emoji are held out, in all ${designs.length} designs and with all variants`,
  );
  const folders = await rasterize(split, resolve(options.cache!), pictureSize, (done, all) =>
    terminal.progress(`rasterizing ${done} of ${all} drawings`, done === all),
  );
  terminal.endProgress();

  const out = options.out!;
  const result = await pretrain(
    {
      folder: folders.pretrain,
      out,
      overwrite: true,
      config: {
        ...trainingConfig,
        seed: whole("seed", options.seed!, 0),
        ...trainingLength(options),
        ...(options.threads === undefined ? {} : { threads: whole("threads", options.threads, 1) }),
      },
    },
    terminal,
  );
  terminal.line(style.bold("what was learned"));
  const evaluated = async (untrained: boolean) => {
    const request = { run: out, train: folders.train, test: folders.test, untrained };
    return evaluate(request, ["knn", "probe"], terminal);
  };
  const untrained = await evaluated(true);
  const pretrained = await evaluated(false);
  const report = await writeReport({ run: out, pictures: folders.test }, terminal);

  const percent = ({ accuracy }: Evaluation) => `${(100 * accuracy).toFixed(1)} %`;
  const table = columns([
    ["", "untrained", "pre-trained"],
    ["k-NN accuracy", percent(untrained.knn), percent(pretrained.knn)],
    ["linear-probe accuracy", percent(untrained.probe), percent(pretrained.probe)],
    ["", "start", "end"],
    ["loss", result.loss.start.toFixed(3), result.loss.end.toFixed(3)],
  ]);
  const { classes, chance, test } = pretrained.knn;
  terminal.result(
    {
      loss: result.loss,
      knn: { untrained: untrained.knn.accuracy, pretrained: pretrained.knn.accuracy },
      probe: { untrained: untrained.probe.accuracy, pretrained: pretrained.probe.accuracy },
      imagesPerSecond: result.imagesPerSecond,
      report,
    },
    [
      "",
      ...table,
      "",
      `which of ${classes.length} groups a held-out emoji is in, of ${test} drawings (always the most frequent: ` +
        `${(100 * chance).toFixed(1)} %)`,
      `${Math.round(result.imagesPerSecond ?? Number.NaN)} pictures/s; ` +
        `${formatDuration((performance.now() - started) / 1000)} in all`,
      `report: ${report}`,
    ],
  );
}

const json = process.argv.includes("--json");
const terminal = new CommandTerminal({ json, quiet: process.argv.includes("--quiet") });
try {
  program.parse();
  await run(terminal, program.opts());
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    const message = error instanceof Error ? error.message : String(error);
    terminal.endProgress();
    process.stderr.write(`error: ${message}\n`);
    if (json) process.stdout.write(`${JSON.stringify({ error: message })}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
