// Settings are stated once, as zod fields: a property whose type is inferred from one is documented by the field's
// description.
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Comment, Converter, ReflectionKind } from "typedoc";

const packages = new URL("../../packages/", import.meta.url);

/**
 * The descriptions of all fields that a package states in `src/settings/*Fields.ts`, by the path of the source and the
 * name of the field.
 */
async function readDescriptions() {
  const descriptions = new Map();
  for (const name of readdirSync(packages)) {
    const built = new URL(`${name}/dist/settings/`, packages);
    const files = readdirSync(new URL(`${name}/`, packages)).includes("dist") ? filesIn(built) : [];
    for (const file of files.filter((each) => each.endsWith("Fields.js"))) {
      const source = fileURLToPath(new URL(`${name}/src/settings/${file.replace(/js$/, "ts")}`, packages));
      for (const shape of Object.values(await import(new URL(file, built)))) {
        for (const [field, { description } = {}] of Object.entries(shape ?? {})) {
          if (typeof description === "string") descriptions.set(`${source} ${field}`, `${description}.`);
        }
      }
    }
  }
  return descriptions;
}

function filesIn(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return []; // a package without settings
  }
}

export async function load(app) {
  const descriptions = await readDescriptions();
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const property of project.getReflectionsByKind(ReflectionKind.Property)) {
      const text = descriptions.get(`${property.sources?.[0]?.fullFileName} ${property.name}`);
      if (text !== undefined) property.comment ??= new Comment([{ kind: "text", text }]);
    }
  });
}
