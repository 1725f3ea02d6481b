import { addCommand, type CommandLine } from "./commandLine.js";
import type { StudyOptions } from "./runStudy.js";

export function addStudy(commandLine: CommandLine): void {
  const help = `
    Compare methods, settings or pictures: pre-train and evaluate every cell of a plan with several seeds, and test
      whether the differences are significant
    <plan>  a plan (.json, .js, .mjs or .ts), or a study of the paper: tokenizers, ablation, sample-efficiency,
      distribution, schedule, layers, target-only; or methods, which compares all methods that need no labels
    --pictures <folders...>  pictures to pre-train on; distribution compares several (default: those of --train)
    --train <folder>  labeled training pictures
    --test <folder>  labeled test pictures (default: a fifth of --train is held out)
    --scale <name>  size of a study of the paper: tiny takes minutes, small some hours on two cores, full has the
      paper's model and steps, too long for a CPU (choices: "tiny", "small", "full", default: "small")
    --config <file>  settings of pretrain that replace those of the scale
    --seeds <list>  seeds that every cell is repeated with (default: those of the plan, or 0,1,2)
    --out <folder>  folder for all studies, which share the steps that they have in common (default: "studies")
    --processes <n>  steps that run at a time; the cores are shared among them (default: one for every two cores)
    --dry-run  list the cells with their estimated times, and stop
    $ splitmask study ablation --pictures ./photos --train ./labeled/train --test ./labeled/val --dry-run
      how long the paper's table 8 takes on your pictures
    $ splitmask study ablation --pictures ./photos --train ./labeled/train --test ./labeled/val
      run it, or go on with it after Ctrl-C or a crash
    $ splitmask study distribution --pictures ./photos ./sketches --train ./sketches
      pre-train on either, fine-tune on sketches
    $ splitmask study my-study.json --processes 4
      a plan of your own`;
  addCommand(commandLine.program, "study", help).action(async (plan: string, options: StudyOptions) => {
    const { runStudy } = await import("./runStudy.js");
    await runStudy(commandLine, plan, options);
  });
}
