import type { Html } from "../html/html.js";

/** A part of a page with a heading. */
export interface Section {
  /** Its anchor. */
  readonly id: string;
  /** Its heading. */
  readonly heading: string;
  /** What the table of contents calls it. */
  readonly short: string;
  /** One or two sentences below the heading. */
  readonly lead: string;
  /** The rest. */
  readonly body: Html | null;
}
