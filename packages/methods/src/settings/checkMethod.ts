import type { Method } from "../method.js";
import { type FieldNote, noteOf } from "./field.js";
import { UsageError } from "./usageError.js";

/** The members that every method has, with what they are. */
const members = {
  name: ["a text", (value: unknown) => typeof value === "string" && value !== ""],
  title: ["a text", (value: unknown) => typeof value === "string" && value !== ""],
  paper: ["a text", (value: unknown) => typeof value === "string"],
  fields: ["an object of fields", isObject],
  recipe: ["an object", isObject],
  decide: ["a function", isFunction],
  create: ["a function", isFunction],
} as const satisfies Partial<Record<keyof Method, readonly [what: string, is: (value: unknown) => boolean]>>;

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isFunction(value: unknown): boolean {
  return typeof value === "function";
}

/**
 * Checks that a value is a method: that it has the members that every method has, and that its fields are made by
 * `field()`.
 *
 * @param value What a module exports, or a configuration holds.
 * @param source Where it comes from, for the error's text: `./my-method.js`.
 * @throws UsageError that says what is missing.
 */
export function checkMethod(value: unknown, source: string): Method {
  if (!isObject(value)) {
    const given =
      value === undefined ? "nothing" : String(JSON.stringify(value) ?? typeof value).slice(0, 60);
    throw new UsageError(
      `${source}: got ${given}, expected a method: an object that is a Method of @splitmask/methods.`,
    );
  }
  const found = value as Readonly<Record<string, unknown>>;
  const missing = Object.entries(members).filter(([name, [, is]]) => !is(found[name]));
  if (missing.length > 0) {
    const parts = missing.map(([name, [what]]) => `${name} (${what})`).join(", ");
    throw new UsageError(
      `${source}: is not a method: it lacks ${parts}. A method is a Method of @splitmask/methods.`,
    );
  }
  for (const [name, type] of Object.entries((value as Method).fields)) {
    const note = typeof type?.meta === "function" ? (noteOf(type) as FieldNote | undefined) : undefined;
    if (typeof note?.description !== "string") {
      throw new UsageError(
        `${source}: its field "${name}" has no description. ` +
          "Make it by field(type, { description }) of @splitmask/methods.",
      );
    }
  }
  return value as Method;
}
