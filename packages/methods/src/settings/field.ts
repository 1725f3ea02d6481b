import type { z } from "zod";

/** What is said of a field besides its type. */
export interface FieldNote {
  /**
   * A sentence of help without its period: what the field is, and what holds when it is not given. The command line's
   * help, the JSON schema, the documentation's table and the API docs show it.
   */
  readonly description: string;
  /** What stands for the value in help texts, such as `<n>`; not for booleans, which are flags. */
  readonly placeholder?: string;
  /** Whether a run that goes on may have another value: it does not change what is computed. Default false. */
  readonly mayChange?: boolean;
}

/** Fields by name: each a zod type that need not be given, with its note as `meta()`. */
export type Fields = Readonly<Record<string, z.ZodOptional>>;

/**
 * A setting: its type and what is said of it, stated once.
 *
 * @param type What is accepted.
 * @param note Its sentence of help, its placeholder, and whether it may change when a run goes on.
 */
export function field<Type extends z.ZodType>(type: Type, note: FieldNote): z.ZodOptional<Type> {
  return type.optional().meta({ ...note });
}

/** What is said of a field. */
export function noteOf(type: z.ZodType): FieldNote {
  return type.meta() as unknown as FieldNote;
}

/** Values as they are given: each field may be left out. */
export type Given<Own extends Fields> = { readonly [Name in keyof Own]?: z.output<Own[Name]> | undefined };

/**
 * Values as they are decided: every field has one.
 *
 * @typeParam Nullable Fields that are null where nothing was given.
 */
export type Decided<Own extends Fields, Nullable extends keyof Own = never> = {
  readonly [Name in keyof Own]:
    | Exclude<z.output<Own[Name]>, undefined>
    | (Name extends Nullable ? null : never);
};
