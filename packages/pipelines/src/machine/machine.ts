import { freemem, totalmem } from "node:os";
import { type Device, measureRates } from "@splitmask/kernels";
import type { MachineFacts } from "../settings/facts.js";

/** What Node.js says of the container's limit and of free memory; both came with later releases of Node.js 20. */
type MemoryOfNode = {
  readonly constrainedMemory?: () => number | undefined;
  readonly availableMemory?: () => number;
};

/** The machine's memory, or the container's limit where that is lower; and how much of it is free. */
function memoryFacts(): Pick<MachineFacts, "memoryBytes" | "freeBytes"> {
  const node = process as unknown as MemoryOfNode;
  // 0 or a number beyond all memory: no limit.
  const limit = node.constrainedMemory?.() || Number.POSITIVE_INFINITY;
  const memoryBytes = Math.min(limit, totalmem());
  return { memoryBytes, freeBytes: Math.min(node.availableMemory?.() ?? freemem(), memoryBytes) };
}

/**
 * Looks at the machine: its threads, its memory, and how fast it trains.
 *
 * @param device Whose threads compute.
 */
export async function examineMachine(device: Device): Promise<MachineFacts> {
  return { threads: device.threads, ...memoryFacts(), rates: await measureRates(device) };
}
