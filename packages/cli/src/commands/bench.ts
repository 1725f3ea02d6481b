import { sharedGroups } from "@splitmask/pipelines/settings";
import { addOptions, addSettings, type CommandLine, finish, number } from "./commandLine.js";

/** What a few steps on random pictures do not depend on. */
const notTimed = new Set([
  ...["steps", "epochs", "time", "warmup", "minimumLearningRate"],
  ...["checkpointEvery", "keepCheckpoints", "onNan"],
  ...Object.keys(sharedGroups.normalization.fields),
  ...Object.keys(sharedGroups.source.fields),
  ...Object.keys(sharedGroups.subset.fields),
  ...Object.keys(sharedGroups.monitor.fields),
]);

interface BenchOptions {
  readonly timed?: number;
  readonly profiled?: number;
  readonly trace?: string;
  readonly all?: boolean;
}

export function addBench(commandLine: CommandLine): void {
  const command = commandLine.program
    .command("bench")
    .description("Measure how fast this machine trains")
    .command("step")
    .description(
      "Time training steps on random pictures, and show how long each kernel takes and how close it is to the " +
        "machine's limit",
    );
  const settings = addSettings(commandLine, command, (name) => !notTimed.has(name));
  addOptions(
    command,
    `
    --timed <n>  number of timed steps, after two steps to warm up (default: 5)
    --profiled <n>  number of profiled steps after these (default: 3)
    --trace <file>  also write the profiled steps as a Chrome trace (chrome://tracing, ui.perfetto.dev)
    --all  also show rows with less than 0.5 % of the time`,
    { timed: number("count"), profiled: number("count") },
  );
  finish(
    command,
    `
    splitmask bench step
    ViT-Ti/16 at 224 pixels, batch 32
    splitmask bench step --model small --batch 16 --threads 1
    any model, on one thread
    splitmask bench step --trace step.json
    a trace of every kernel call, for ui.perfetto.dev
    `,
  ).action(async (options: BenchOptions) => {
    const { all, timed: timedSteps = 5, profiled: profiledSteps = 3, trace } = options;
    const request = { config: await settings(options), timedSteps, profiledSteps };
    const { runBenchStep } = await import("./benchStep.js");
    await runBenchStep(commandLine.terminal, request, trace, all);
  });
}
