import type { Fields } from "@splitmask/methods/settings";
import { z } from "zod";

/**
 * The JSON schema of a configuration file, for editors.
 *
 * @param fields The fields that it may hold.
 * @param title What it is for.
 */
export function jsonSchema(fields: Fields, title: string): Readonly<Record<string, unknown>> {
  const schemaField = z.string().meta({ description: "The schema of this file, for editors" });
  const { $schema, ...schema } = z.toJSONSchema(
    z.strictObject({ $schema: schemaField.optional(), ...fields }),
    {
      io: "input",
      unrepresentable: "any",
      override: ({ jsonSchema: each }) => {
        // What only the command line and the check of resumed runs want, and what a file cannot hold.
        delete each.placeholder;
        delete each.mayChange;
        delete each.readOnly;
        if (each.anyOf !== undefined)
          each.anyOf = each.anyOf.filter((choice) => Object.keys(choice).length > 0);
      },
    },
  );
  return { $schema, title, ...schema };
}
