import { finetuneFields, jsonSchema, pretrainingFields } from "@splitmask/pipelines/settings";
import type { CommandTerminal } from "../terminal/terminal.js";
import type { Method } from "./methodOption.js";

/** `splitmask schema`: writes the JSON schema of a configuration file. */
export function writeSchema(
  terminal: CommandTerminal,
  command: "pretrain" | "finetune",
  method: Method,
): void {
  const schema =
    command === "finetune"
      ? jsonSchema(finetuneFields, "Configuration of splitmask finetune")
      : jsonSchema(pretrainingFields(method), `Configuration of splitmask pretrain with ${method.title}`);
  terminal.data(`${JSON.stringify(schema, null, 2)}\n`);
}
