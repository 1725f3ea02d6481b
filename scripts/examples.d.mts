/** A program in a page of documentation. */
export interface Example {
  /** Where it stands. */
  readonly name: string;
  /** TypeScript. */
  readonly code: string;
  /** What it has to print; undefined: anything. */
  readonly output: string | undefined;
}

/** The `ts` blocks of a page. */
export function markdownExamples(path: string): Example[];

/** The JavaScript of an example, a module. */
export function programOf(code: string): string;
