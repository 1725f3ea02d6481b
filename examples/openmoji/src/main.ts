#!/usr/bin/env node
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { CommandTerminal } from "@splitmask/cli";
import { columns, type Evaluation, evaluate, pretrain, UsageError, writeReport } from "@splitmask/pipelines";
import { formatDuration } from "@splitmask/report";
import { Command, CommanderError } from "commander";
import { type OpenmojiEntry, splitDrawings } from "./drawings.js";
import { rasterize } from "./rasterize.js";
import { trainingConfig } from "./settings.js";

const require = createRequire(import.meta.url);

const program = new Command("openmoji")
  .description(
    "Pre-trains a small vision transformer with SplitMask on the OpenMoji drawings and shows what it " +
      "learned on drawings that it has never seen.",
  )
  .option("--out <run>", "run folder; an earlier run in it is replaced", "runs/openmoji")
  .option("--cache <folder>", "where the drawings are rasterized, once", "runs/openmoji-drawings")
  .option("--steps <n>", `training steps (${trainingConfig.steps})`)
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

async function run(
  terminal: CommandTerminal,
  options: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const started = performance.now();
  const { style } = terminal;
  const openmoji = dirname(require.resolve("openmoji/package.json"));
  const split = splitDrawings(
    JSON.parse(await readFile(join(openmoji, "data", "openmoji.json"), "utf8")) as OpenmojiEntry[],
  );
  const cache = resolve(options.cache!);
  terminal.line(
    `${style.bold("OpenMoji")}: ${split.pretrain.length} drawings to learn from, in color and black line; ` +
      `about a quarter of the emoji is held out with all variants (${split.train.length} and ` +
      `${split.test.length} labeled drawings to evaluate)`,
  );
  const folders = await rasterize(openmoji, split, cache, 80, (done, all) =>
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
        ...(options.steps === undefined ? {} : { steps: whole("steps", options.steps, 1) }),
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
  const random = await evaluated(true);
  const pretrained = await evaluated(false);
  const report = await writeReport({ run: out }, terminal);

  const percent = ({ accuracy }: Evaluation) => `${(100 * accuracy).toFixed(1)} %`;
  const table = columns([
    ["", "random", "pre-trained"],
    ["k-NN accuracy", percent(random.knn), percent(pretrained.knn)],
    ["linear-probe accuracy", percent(random.probe), percent(pretrained.probe)],
    ["", "start", "end"],
    ["loss", result.loss.start.toFixed(3), result.loss.end.toFixed(3)],
  ]);
  const { classes, chance, test } = pretrained.knn;
  terminal.result(
    {
      loss: result.loss,
      knn: { random: random.knn.accuracy, pretrained: pretrained.knn.accuracy },
      probe: { random: random.probe.accuracy, pretrained: pretrained.probe.accuracy },
      imagesPerSecond: result.imagesPerSecond,
      report,
    },
    [
      "",
      ...table,
      "",
      `on ${test} held-out drawings of ${classes.length} groups (always the most frequent: ` +
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
