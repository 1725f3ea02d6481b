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

type Parsed = Readonly<Record<string, unknown>>;

/**
 * Adds an option for each field to a command, under its group's heading; the help text is the field's description.
 *
 * @param command The command.
 * @param groups The fields.
 * @returns What reads and checks the fields that were given from the parsed options. It throws a UsageError naming the
 *   option, what was given and what was expected.
 */
export function addFieldOptions<Own extends Fields>(
  command: Command,
  groups: readonly FieldGroup<Own>[],
): (parsed: Parsed) => Given<Own> {
  for (const { fields, title } of groups) {
    for (const [name, type] of Object.entries(fields)) {
      const { kind } = valueKind(type);
      if (kind === null) continue; // for configuration files only
      const { description, placeholder = "<value>" } = noteOf(type);
      const option = optionName(name);
      const value = kind === "flag" ? "" : ` ${placeholder}`;
      const add = (flags: string, text: string) =>
        command.addOption(new Option(flags, text).helpGroup(`${title}:`));
      add(`${option}${value}`, description);
      if (kind === "flag") add(option.replace("--", "--no-"), `Not ${option}, whatever is chosen otherwise`);
    }
  }
  const all = fieldsOf(groups) as Own;
  return (parsed) => checkFields(all, givenOptions(parsed, all), "command line", optionName);
}

/**
 * Some of the fields of groups, in their groups.
 *
 * @param wanted Whether a field is taken.
 */
export function someOf(
  groups: readonly FieldGroup[],
  wanted: (name: string) => boolean,
): readonly FieldGroup[] {
  return groups.map(({ fields, title }) => ({
    title,
    fields: Object.fromEntries(Object.entries(fields).filter(([name]) => wanted(name))),
  }));
}

function givenOptions(parsed: Parsed, fields: Fields): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const [name, type] of Object.entries(fields)) {
    const value = parsed[name];
    if (typeof value === "boolean") given[name] = value;
    else if (typeof value === "string") {
      const { isList, kind } = valueKind(type);
      const read = (text: string) => (kind === "number" ? readNumber(text) : text);
      given[name] = isList ? value.split(",").map(read) : read(value);
    }
  }
  return given;
}

/** A number where the text is one, else the text itself, so that the check can show what was given. */
function readNumber(text: string): unknown {
  return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
}
