import type { Profile, ProfiledCall, SimulatedWork } from "./profile.js";
import { callDetail, groupCalls, nameOf, type ProfileRow, ratio, sum } from "./profileSummary.js";

/** How all calls of one kernel with one `detail` would share their work. */
export interface BalanceRow extends Pick<ProfileRow, "kernel" | "detail" | "calls"> {
  /** CPU time of all calls together, on one thread. */
  readonly seconds: number;
  /** Share of the profile's CPU time, 0 to 1. */
  readonly share: number;
  /** Parallel phases of a call, on average. */
  readonly phases: number;
  /** Tasks of a phase, on average; 0 without phases. */
  readonly tasks: number;
  /** The part of `seconds` outside of phases, where one thread computes, 0 to 1. */
  readonly serial: number;
  /** The largest task's part, 0 to 1, of the longest phase of all calls. */
  readonly largest: number;
  /** Upper bound of the speed-up of these calls on the threads over one thread. */
  readonly speedUp: number;
}

/** How a profile's kernels would share their work among threads, if handing out tasks cost nothing. */
export interface Balance {
  /** Number of simulated threads. */
  readonly threads: number;
  /** CPU time of all calls together, on one thread. */
  readonly seconds: number;
  /** Upper bound of the speed-up of all calls on the threads over one thread. */
  readonly speedUp: number;
  /** The rows; those that would take the most time on the threads come first. */
  readonly rows: readonly BalanceRow[];
}

/** A group of calls with its time on the threads. */
interface Shared {
  readonly row: Omit<BalanceRow, "share">;
  readonly sharedSeconds: number;
}

/**
 * Tells for each kernel of a profile on simulated threads (`startProfile({ simulatedThreads })`) how evenly its tasks
 * could be shared: in order, each task of a phase goes to the thread that is free first. The speed-up is an upper
 * bound: it leaves out memory bandwidth, caches, the waking of threads and the time between calls.
 *
 * @throws Error if no threads were simulated.
 */
export function balanceOf(profile: Profile): Balance {
  const { simulatedThreads: threads, calls } = profile;
  if (threads === 0) {
    throw new Error(
      "balanceOf: the profile has no simulated threads; take it with startProfile({ simulatedThreads: 16 }).",
    );
  }
  const groups = groupCalls(calls).map((group) => shareOf(group, threads));
  const seconds = sum(groups, ({ row }) => row.seconds);
  return {
    threads,
    seconds,
    speedUp: ratio(
      seconds,
      sum(groups, ({ sharedSeconds }) => sharedSeconds),
    ),
    rows: groups
      .sort((a, b) => b.sharedSeconds - a.sharedSeconds)
      .map(({ row }) => ({ ...row, share: ratio(row.seconds, seconds) })),
  };
}

function shareOf(calls: readonly ProfiledCall[], threads: number): Shared {
  const works = calls.map(workOf);
  const phases = works.flatMap((work) => work.phases);
  const serial = sum(works, (work) => work.serial);
  const seconds = (serial + sum(phases, total)) / 1e9;
  const sharedSeconds = (serial + sum(phases, (tasks) => longestThread(tasks, threads))) / 1e9;
  const longest = phases.reduce((best, tasks) => (total(tasks) > total(best) ? tasks : best), []);
  return {
    sharedSeconds,
    row: {
      kernel: nameOf(calls[0]!),
      detail: callDetail(calls[0]!),
      calls: calls.length,
      seconds,
      phases: phases.length / calls.length,
      tasks: ratio(
        sum(phases, (tasks) => tasks.length),
        phases.length,
      ),
      serial: ratio(serial / 1e9, seconds),
      largest: ratio(Math.max(0, ...longest), total(longest)),
      speedUp: ratio(seconds, sharedSeconds),
    },
  };
}

/** A call's work; an upload or download is done by one thread. */
function workOf(call: ProfiledCall): SimulatedWork {
  return (call.kind === "kernel" ? call.simulated : null) ?? { serial: call.duration, phases: [] };
}

/** How long the tasks take where each in turn goes to the thread that is free first. */
function longestThread(tasks: readonly number[], threads: number): number {
  const ends = new Float64Array(Math.min(threads, Math.max(1, tasks.length)));
  for (const task of tasks) {
    let first = 0;
    for (let thread = 1; thread < ends.length; thread += 1) if (ends[thread]! < ends[first]!) first = thread;
    ends[first]! += task;
  }
  return Math.max(...ends);
}

function total(tasks: readonly number[]): number {
  return sum(tasks, (task) => task);
}
