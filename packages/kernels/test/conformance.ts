import { appendFileSync } from "node:fs";

/** The file in which `scripts/features.mjs` collects what the tests have proved; other runs have none. */
const file = process.env.SPLITMASK_CONFORMANCE;
const told = new Set<string>();

/** What passed. */
export interface Conformance {
  /** The table of docs/features.md. */
  readonly table: "features" | "kernels" | "forward" | "backward";
  /** The kernel, operation or feature. */
  readonly row: string;
  /** What it ran on. */
  readonly version: string;
}

/** Tells that a check has passed. */
export function conforms({ table, row, version }: Conformance): void {
  const line = `${JSON.stringify({ table, row, version })}\n`;
  if (file === undefined || told.has(line)) return;
  told.add(line);
  appendFileSync(file, line);
}
