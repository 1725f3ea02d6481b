// Settings are stated once, as zod fields: a property whose type is inferred from one is documented by the field's
// description.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Comment, Converter, ReflectionKind } from "typedoc";

const packages = new URL("../../packages/", import.meta.url);

/**
 * The descriptions of all fields that packages export in constants named `…Fields`, by the path of the source and the
 * name of the field.
 */
async function readDescriptions() {
  const descriptions = new Map();
  for (const name of readdirSync(packages)) {
    const folder = new URL(`${name}/src/`, packages);
    const files = existsSync(folder) ? readdirSync(folder, { recursive: true }) : [];
    for (const file of files.filter((each) => each.endsWith(".ts"))) {
      const source = new URL(file, folder);
      if (!/^export const \w+Fields\b/m.test(readFileSync(source, "utf8"))) continue;
      const built = new URL(`${name}/dist/${file.replace(/ts$/, "js")}`, packages);
      for (const [constant, fields] of Object.entries(await import(built))) {
        if (!constant.endsWith("Fields") || typeof fields !== "object") continue;
        for (const [field, { description } = {}] of Object.entries(fields)) {
          if (typeof description === "string")
            descriptions.set(`${fileURLToPath(source)} ${field}`, `${description}.`);
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
