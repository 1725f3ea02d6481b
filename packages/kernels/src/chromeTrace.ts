import { kernelCost } from "./kernelCosts.js";
import type { Profile } from "./profile.js";
import { callDetail } from "./profileSummary.js";

/** One event of a trace: `"X"` is a span of time, `"M"` names a thread. */
export interface TraceEvent {
  /** Its label. */
  readonly name: string;
  /** The kind of event. */
  readonly ph: "X" | "M";
  /** Process and thread, one each. */
  readonly pid: number;
  /** 1: the queue's calls; 2: the times in which it was empty. */
  readonly tid: number;
  /** Start in microseconds. */
  readonly ts: number;
  /** Duration in microseconds. */
  readonly dur?: number;
  /** What is shown when the event is clicked. */
  readonly args: Readonly<Record<string, string | number>>;
}

/** What is written as JSON. */
export interface ChromeTrace {
  /** The events: those of a thread in the order in which they began. */
  readonly traceEvents: readonly TraceEvent[];
}

/**
 * A profile in the trace format of Chrome. Write it as JSON and open it in `chrome://tracing` or
 * https://ui.perfetto.dev. Each call is one event with its shape, its rate (GFLOP/s and GB/s) and its numbers.
 */
export function chromeTrace(profile: Profile): ChromeTrace {
  const place = { pid: 1, tid: 1 };
  const waitPlace = { pid: 1, tid: 2 };
  const events = profile.calls.map((call): TraceEvent => {
    const detail = callDetail(call);
    const name = call.kind === "kernel" ? call.kernel : call.kind;
    const { operations, bytes } =
      call.kind === "kernel" ? kernelCost(call) : { operations: 0, bytes: 2 * call.bytes };
    return {
      name: detail === "" ? name : `${name} ${detail}`,
      ph: "X",
      ...place,
      ts: call.start / 1000,
      dur: call.duration / 1000,
      args: {
        "GFLOP/s": round(operations / call.duration),
        "GB/s": round(bytes / call.duration),
        ...(call.kind === "kernel" ? { dtype: call.dtype, items: call.each.length, ...call.numbers } : {}),
      },
    };
  });
  const waits = profile.waits.map(({ start, duration }): TraceEvent => {
    return {
      name: "waiting for JavaScript",
      ph: "X",
      ...waitPlace,
      ts: start / 1000,
      dur: duration / 1000,
      args: {},
    };
  });
  const title = (at: typeof place, name: string): TraceEvent => {
    return { name: "thread_name", ph: "M", ...at, ts: 0, args: { name } };
  };
  return {
    traceEvents: [title(place, "device queue"), title(waitPlace, "empty queue"), ...events, ...waits],
  };
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
