import { finetuneFields, jsonSchema, pretrainingFields } from "@splitmask/pipelines/settings";
import { addOptions, type CommandLine, finish, oneOf } from "./commandLine.js";

export function addSchema({ method, program, terminal }: CommandLine): void {
  const command = program
    .command("schema")
    .description("Print the JSON schema of a configuration file, for editors");
  addOptions(
    command,
    `
    --method <name>  method whose settings to include, as for pretrain
    --for <command>  command that the configuration is for (choices: "pretrain", "finetune", default: "pretrain")`,
    { for: oneOf("pretrain", "finetune") },
  );
  finish(
    command,
    `
    splitmask schema > splitmask.schema.json
    then put "$schema": "./splitmask.schema.json" in the configuration file
    splitmask schema --for finetune > finetune.schema.json
    the schema for finetune
    `,
  ).action((options: { readonly for?: "pretrain" | "finetune" }) => {
    const schema =
      options.for === "finetune"
        ? jsonSchema(finetuneFields, "Configuration of splitmask finetune")
        : jsonSchema(pretrainingFields(method!), `Configuration of splitmask pretrain with ${method!.title}`);
    terminal.data(`${JSON.stringify(schema, null, 2)}\n`);
  });
}
