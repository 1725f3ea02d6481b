import { readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { native } from "./loader.js";

/** The instruction sets that the fast kernels are compiled for; `portable` runs on every CPU, `avx512bf16` is `avx512` with the CPU's own bfloat16 products. */
export type InstructionSet = "portable" | "avx2" | "avx512" | "avx512bf16" | "neon";

/** What the machine has, for `splitmask doctor`. */
export interface CpuInfo {
  /** The CPU's name as the system tells it. */
  readonly model: string;
  /** Logical cores that this process may use. */
  readonly cores: number;
  /** The threads that a device takes by default: the cores, or the container's limit where that is lower. */
  readonly threads: number;
  /** Sets that this build holds and this CPU has, from the slowest to the fastest. */
  readonly availableInstructionSets: readonly InstructionSet[];
  /** The one that `"auto"` takes. */
  readonly instructionSet: InstructionSet;
}

/** The instruction sets that this build holds and this CPU has, from the slowest to the fastest. */
export function availableInstructionSets(): InstructionSet[] {
  return native
    .instructionSets()
    .filter((set) => set.available)
    .map((set) => set.name as InstructionSet);
}

/**
 * The set that a device uses: the one asked for, or for `"auto"` the one named by the environment variable
 * `SPLITMASK_INSTRUCTION_SET`, or the fastest that the CPU has.
 * @throws Error if the CPU or this build lacks the set that was asked for.
 */
export function chooseInstructionSet(asked: InstructionSet | "auto" = "auto"): InstructionSet {
  const available = availableInstructionSets();
  const forced = process.env.SPLITMASK_INSTRUCTION_SET;
  const fromEnvironment = asked === "auto" && forced !== undefined && forced !== "" && forced !== "auto";
  const wanted = fromEnvironment ? forced : asked;
  if (wanted === "auto") return available[available.length - 1]!;
  const found = available.find((set) => set === wanted);
  if (found === undefined) {
    const where = fromEnvironment ? "SPLITMASK_INSTRUCTION_SET" : "instructionSet";
    throw new Error(
      `createDevice: ${where} is "${wanted}", but this machine runs only ${available.map((set) => `"${set}"`).join(", ")}. Use one of these, or "auto".`,
    );
  }
  return found;
}

/** The machine's cores, or the container's limit (cgroup quota, rounded up) where that is lower; at least 1. */
export function defaultThreads(): number {
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(cgroupCpuLimit())));
}

/** CPUs that the cgroup's quota allows; Infinity without one. */
function cgroupCpuLimit(): number {
  const read = (path: string): string[] => {
    try {
      return readFileSync(path, "utf8").trim().split(/\s+/);
    } catch {
      return [];
    }
  };
  const [quota2, period2] = read("/sys/fs/cgroup/cpu.max");
  const quota = Number(quota2 ?? read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")[0]);
  const period = Number(period2 ?? read("/sys/fs/cgroup/cpu/cpu.cfs_period_us")[0]);
  return quota > 0 && period > 0 ? quota / period : Number.POSITIVE_INFINITY;
}

/** What the machine has and what `createDevice()` would take from it. */
export function cpuInfo(): CpuInfo {
  return {
    model: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    threads: defaultThreads(),
    availableInstructionSets: availableInstructionSets(),
    instructionSet: chooseInstructionSet(),
  };
}
