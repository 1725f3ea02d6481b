import {
  checkFields,
  type FieldGroup,
  type Fields,
  fieldsOf,
  type Given,
  noteOf,
  optionName,
  valueKind,
} from "@splitmask/pipelines/settings";
import { type Command, Option } from "commander";

/**
 * Adds an option for each field to a command, under its group's heading; the help text is the field's description.
 *
 * @returns What takes the fields that were given from the parsed options and checks them.
 */
export function addFieldOptions<Own extends Fields>(
  command: Command,
  groups: readonly FieldGroup<Own>[],
): (parsed: object) => Given<Own> {
  for (const { fields, title } of groups) {
    for (const [name, type] of Object.entries(fields)) {
      const { kind, isList } = valueKind(type);
      if (kind === null) continue; // for configuration files only
      const { description: note, placeholder = "<value>" } = noteOf(type);
      const description = asHelp(note);
      const flag = optionName(name);
      const add = (flags: string, text: string) => {
        const option = new Option(flags, text).helpGroup(`${title}:`);
        command.addOption(option);
        return option;
      };
      if (kind === "flag") {
        add(flag, description);
        add(flag.replace("--", "--no-"), `not ${flag}, whatever is chosen otherwise`);
        continue;
      }
      const read = kind === "number" ? readNumber : String;
      add(`${flag} ${placeholder}`, description).argParser((text: string) =>
        isList ? text.split(",").map((part) => read(part)) : read(text),
      );
    }
  }
  const all = fieldsOf(groups) as Own;
  return (parsed) => {
    const given = Object.entries(parsed).filter(([name]) => name in all);
    return checkFields(all, Object.fromEntries(given), "command line", optionName);
  };
}

/** A field's description in the form of the other options' help: no capital, and its default in brackets. */
function asHelp(description: string): string {
  const isName = /^(?:[A-Z]{2}|\w+[A-Z]|Gaussian)/.test(description);
  const text = isName ? description : description[0]!.toLowerCase() + description.slice(1);
  return text.replace(/\.? Default: (.*)$/s, " (default: $1)");
}

/** A number where the text is one, else the text itself, so that the check can show what was given. */
function readNumber(text: string): unknown {
  return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
}
