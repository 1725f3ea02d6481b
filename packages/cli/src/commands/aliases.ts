import type { Command } from "commander";

/** Options as scripts of PyTorch, timm and lightly name them, with our names. */
const aliases: Readonly<Record<string, string>> = {
  "--batch-size": "--batch",
  "--duration": "--time",
  "--embed-dim": "--width",
  "--hidden-size": "--width",
  "--img-size": "--image-size",
  "--input-size": "--image-size",
  "--iterations": "--steps",
  "--lr": "--learning-rate",
  "--max-epochs": "--epochs",
  "--max-steps": "--steps",
  "--min-lr": "--minimum-learning-rate",
  "--neighbors": "--k",
  "--num-heads": "--heads",
  "--num-layers": "--depth",
  "--num-workers": "--threads",
  "--output": "--out",
  "--output-dir": "--out",
  "--patch-size": "--patch",
  "--resolution": "--image-size",
  "--split": "--held-out",
  "--test-size": "--held-out",
  "--vocab-size": "--vocabulary",
  "--wd": "--weight-decay",
  "--workers": "--threads",
};

/** A command line with our names for options that have other names elsewhere; a command's own options stay. */
export function withoutAliases(program: Command, args: readonly string[]): readonly string[] {
  let command = program;
  for (const word of args) command = command.commands.find((below) => below.name() === word) ?? command;
  const known = new Set(command.options.map(({ long }) => long));
  return args.map((word) => {
    const [name, ...value] = word.split("=");
    const own = aliases[name!];
    return own === undefined || known.has(name) || !known.has(own) ? word : [own, ...value].join("=");
  });
}
