// Settings are stated once, as zod fields: a property whose type is inferred from one is documented by the field's
// description.
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Comment, Converter, ReflectionKind } from "typedoc";

const packages = new URL("../../packages/", import.meta.url);

/**
 * The descriptions of all fields that a package states in files named `*Fields.ts`, by the path of the source and the
 * name of the field.
 */
async function readDescriptions() {
  const descriptions = new Map();
  for (const name of readdirSync(packages)) {
    const built = new URL(`${name}/dist/`, packages);
    const files = existsSync(built) ? readdirSync(built, { recursive: true }) : [];
    for (const file of files.filter((each) => each.endsWith("Fields.js"))) {
      const source = fileURLToPath(new URL(`${name}/src/${file.replace(/js$/, "ts")}`, packages));
      for (const fields of Object.values(await import(new URL(file, built)))) {
        for (const [field, { description } = {}] of Object.entries(fields ?? {})) {
          if (typeof description === "string") descriptions.set(`${source} ${field}`, `${description}.`);
        }
      }
    }
  }
  return descriptions;
}

/** What is said of a word that a field may be: zod's type of an enumeration has each as a property. */
function enumerationValue({ name, type }) {
  return type?.type === "literal" && type.value === name ? `The value \`${name}\`.` : undefined;
}

export async function load(app) {
  const descriptions = await readDescriptions();
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const property of project.getReflectionsByKind(ReflectionKind.Property)) {
      const text =
        descriptions.get(`${property.sources?.[0]?.fullFileName} ${property.name}`) ??
        enumerationValue(property);
      if (text !== undefined) property.comment ??= new Comment([{ kind: "text", text }]);
    }
  });
}
