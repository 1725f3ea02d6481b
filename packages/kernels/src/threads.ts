import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

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
