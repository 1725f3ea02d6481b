import { type ReportRequest, writeReport } from "../run/report.js";
import type { Terminal } from "../terminal/terminal.js";

/** `splitmask report`. */
export async function runReport(terminal: Terminal, request: ReportRequest): Promise<void> {
  const report = await writeReport(request, terminal);
  terminal.result({ report }, [`report: ${report}`]);
}
