// Writes docs/settings.md from the tables of fields. `npm run check` says where it is stale.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { methods } from "../packages/methods/dist/index.js";
import { classifierFields, discreteVaeFields } from "../packages/methods/dist/settings/index.js";
import {
  finetuneFields,
  jsonSchema,
  labelledFields,
  noteOf,
  optionName,
  sharedGroups,
  tokenizerRunFields,
  valueKind,
} from "../packages/pipelines/dist/settings/index.js";

const page = new URL("../docs/settings.md", import.meta.url);

const introduction = `# Settings

The settings of \`splitmask pretrain\`, \`splitmask finetune\` and their configuration files. All are optional. \
Defaults are
chosen from the pictures, the machine and the method's recipe, and printed with their reasons (\`--dry-run\` stops after
that). A recipe is how the method's paper trains; for fine-tuning, the setting \`recipe\` chooses one.

- On the command line a setting is an option: \`imageSize\` is \`--image-size 64\`. \
Lists use commas: \`--mean 0.5,0.5,0.5\`.
- In a file it is a field, in JSON or in a module: \`export default defineConfig({ imageSize: 64 })\`. Pass the
  file with \`--config\`; options on the command line override it.
- \`splitmask schema > splitmask.schema.json\` writes the JSON schema of such a file. With
  \`"$schema": "./splitmask.schema.json"\` in the file, editors complete and check it.
- Column **resume**: whether the setting may change when a run is continued with \`--resume\`.
- Columns **fine-tuning** and **tokenizer**: whether \`splitmask finetune\` and \`splitmask tokenizer fit\` have it too.

This page is written by \`scripts/settingsPage.mjs\`.
`;

/** What a value may be, from a field's JSON schema. */
function valuesOf(name, type) {
  const { kind, words, isList } = valueKind(type);
  if (words.length > 0) return words.map((word) => `\`${word}\``).join(", ");
  if (kind === "flag") return "true or false";
  if (kind !== "number") return isList ? "list of texts" : "text";
  const { properties } = jsonSchema({ [name]: type }, "");
  const { [name]: schema } = properties;
  const number = isList ? (schema.prefixItems?.[0] ?? schema.items) : schema;
  const plural = isList ? "s" : "";
  const what = number.type === "integer" ? `whole number${plural}` : `number${plural}`;
  const limits = [
    number.minimum === undefined ? null : `≥ ${number.minimum}`,
    number.exclusiveMinimum === undefined ? null : `> ${number.exclusiveMinimum}`,
    number.maximum === undefined || number.maximum >= 0xffffffff ? null : `≤ ${number.maximum}`,
    number.exclusiveMaximum === undefined ? null : `< ${number.exclusiveMaximum}`,
  ].filter((limit) => limit !== null && !limit.includes(String(Number.MIN_SAFE_INTEGER)));
  const many = isList ? (schema.prefixItems === undefined ? "list of " : "three ") : "";
  return [`${many}${what}`, ...limits].join(", ").replace(", ", " ");
}

/** A table of fields. */
function table(fields, { isShared = false } = {}) {
  const rows = Object.entries(fields).map(([name, type]) => {
    const { description, mayChange } = noteOf(type);
    const cells = [
      `\`${name}\``,
      `\`${optionName(name)}\``,
      valuesOf(name, type),
      description.replaceAll("|", "\\|"),
      mayChange ? "yes" : "",
      ...(isShared ? [finetuneFields, tokenizerRunFields].map((own) => (name in own ? "yes" : "")) : []),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  const heads = [
    "field",
    "option",
    "values",
    "meaning",
    "resume",
    ...(isShared ? ["fine-tuning", "tokenizer"] : []),
  ];
  return [`| ${heads.join(" | ")} |`, `|${" --- |".repeat(heads.length)}`, ...rows].join("\n");
}

/** The page. */
export function settingsPage() {
  const { source } = sharedGroups;
  const shared = Object.values(sharedGroups).map(({ fields, title }) => {
    const parts = Object.fromEntries(Object.entries(labelledFields).filter(([name]) => !(name in fields)));
    const labelled =
      fields === source.fields ? `\n\nInstead of \`split\`, fine-tuning has:\n\n${table(parts)}` : "";
    return `## ${title}\n\n${table(fields, { isShared: true })}${labelled}\n`;
  });
  const own = Object.values(methods).map(
    ({ fields, name, paper, title }) =>
      `## ${title}\n\n\`--method ${name}\`: ${paper}.\n\n${table(fields)}\n`,
  );
  const title = "## Training with labels\n\nSettings of `splitmask finetune` only.";
  const classifier = `${title}\n\n${table(classifierFields)}\n`;
  const fitting = "## Training a tokenizer\n\nSettings of `splitmask tokenizer fit` only.";
  const tokenizer = `${fitting}\n\n${table(discreteVaeFields)}\n`;
  return [introduction, ...shared, ...own, classifier, tokenizer].join("\n");
}

/** Says that the page is stale. */
export function checkSettingsPage() {
  if (readFileSync(page, "utf8") !== settingsPage())
    throw new Error("docs/settings.md is stale: node scripts/settingsPage.mjs writes it.");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(page, settingsPage());
