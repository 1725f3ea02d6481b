import { kernelCost } from "./kernelCosts.js";
import { binaryOperations, unaryOperations, weightFormats } from "./kernels/codes.js";
import type { KernelName } from "./kernelTable.js";
import type { MachineLimits } from "./limits.js";
import type { Profile, ProfiledCall } from "./profile.js";
import { isBfloat16, workKind } from "./workKind.js";

/** The limit of {@link MachineLimits} that a call is compared with. */
export type LimitName = Exclude<keyof MachineLimits, "lastCacheBytes">;

/** All calls of one kernel with one `detail`. */
export interface ProfileRow {
  /** The kernel, or `upload` or `download`. */
  readonly kernel: KernelName | "upload" | "download";
  /**
   * What tells it from other calls: the shape of a product or of attention, the name of an elementwise operation, else
   * empty.
   */
  readonly detail: string;
  /** How often it was called. */
  readonly calls: number;
  /** Time of all calls together. */
  readonly seconds: number;
  /** Share of the profile's time, 0 to 1; 0 for a dry device, which takes no time. */
  readonly share: number;
  /** Floating-point operations of all calls. */
  readonly operations: number;
  /** Bytes that must be read plus bytes that must be written, of all calls. */
  readonly bytes: number;
  /** `"operations"` for products and attention, else `"bytes"`. */
  readonly judgedBy: "operations" | "bytes";
  /** Operations or bytes per second, as `judgedBy` says; 0 if the calls took no time. */
  readonly rate: number;
  /** The shortest possible time of the calls: each at its limit. */
  readonly floorSeconds: number;
  /** floorSeconds / seconds; 0 if the calls took no time. */
  readonly ofLimit: number;
  /** The limit of the calls; if they have different ones, the one with the most floor time. */
  readonly limit: LimitName;
}

/** A profile, summed by kernel. */
export interface ProfileSummary {
  /** Time of the profile. */
  readonly seconds: number;
  /** The part of it in which the queue was empty and waited for JavaScript. */
  readonly idleSeconds: number;
  /**
   * The queue's own time, to take commands, to wake up and to report. Together with `idleSeconds` and the rows it makes
   * up `seconds`.
   */
  readonly queueSeconds: number;
  /**
   * The part of the rows' time in which the queue's thread had no task left and waited for other threads: because tasks
   * are uneven, or because other programs or JavaScript took the cores.
   */
  readonly threadWaitSeconds: number;
  /** Operations of products and attention. */
  readonly operations: number;
  /** The shortest possible time of these operations. */
  readonly floorSeconds: number;
  /** The rows; those that took the most time come first. */
  readonly rows: readonly ProfileRow[];
}

/** The cost of a call, the limit that it is compared with, and the seconds that it takes at this limit. */
interface Judgement {
  readonly operations: number;
  readonly bytes: number;
  readonly judgedBy: "operations" | "bytes";
  readonly limit: LimitName;
  readonly seconds: number;
}

/**
 * Sums a profile up. Products and attention are grouped by shape and compared with the multiply-add limit (those in
 * bfloat16 with the limit of the dot-product instruction). All other kernels are grouped by name and compared with the
 * bandwidth of the last-level cache if a call's operands fit in it, else with that of memory.
 */
export function summarizeProfile(profile: Profile, limits: MachineLimits): ProfileSummary {
  const total = profile.duration / 1e9;
  const rows = groupCalls(profile.calls).map((calls) => rowOf(calls, limits, total));
  const idleSeconds = sum(profile.waits, (wait) => wait.duration) / 1e9;
  const products = rows.filter((row) => row.judgedBy === "operations");
  return {
    seconds: total,
    idleSeconds,
    queueSeconds: Math.max(0, total - idleSeconds - sum(rows, (row) => row.seconds)),
    threadWaitSeconds: sum(profile.calls, (call) => (call.kind === "kernel" ? call.threadWait : 0)) / 1e9,
    operations: sum(products, (row) => row.operations),
    floorSeconds: sum(products, (row) => row.floorSeconds),
    rows: rows.sort((a, b) => b.seconds - a.seconds),
  };
}

/** Groups calls by kernel and `callDetail`; the groups are in the order of their first calls. */
export function groupCalls(calls: readonly ProfiledCall[]): ProfiledCall[][] {
  const groups = new Map<string, ProfiledCall[]>();
  for (const call of calls) {
    const key = `${nameOf(call)} ${callDetail(call)}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [call]);
    else group.push(call);
  }
  return [...groups.values()];
}

/**
 * What tells a call from other calls of its kernel: `NT 6272×768×192` of a product (m×n×k), `64×98×3×64` of attention
 * (samples×tokens×heads×width); of both, `bf16` follows where factors are rounded. With packed weights
 * `NT 197×384×384 int8`; `gelu` of unary.
 */
export function callDetail(call: ProfiledCall): string {
  if (call.kind !== "kernel") return "";
  const { kernel, numbers: n } = call;
  const format = isBfloat16(call) ? " bf16" : "";
  switch (kernel) {
    case "gemm":
    case "gemmBfloat16": {
      const batch = (n.batch ?? 1) === 1 ? "" : `${n.batch}·`;
      const letters = `${n.transposeA === 0 ? "N" : "T"}${n.transposeB === 0 ? "N" : "T"}`;
      return `${letters} ${batch}${n.m}×${n.n}×${n.k}${format}`;
    }
    case "gemmArgmax":
      return `NT ${n.m}×${n.n}×${n.k}${format}`;
    case "linearCrossEntropy":
      return `${n.rows}×${n.columns}×${n.inner}${format}`;
    case "gemmPacked":
      return `NT ${n.m}×${n.n}×${n.k} ${operationName(weightFormats, n.format)}`;
    case "attention":
    case "attentionBackward":
    case "attentionProbabilities":
      return `${n.batch}×${n.tokens}×${n.heads}×${n.headWidth}${format}`;
    case "binary":
      return operationName(binaryOperations, n.operation);
    case "unary":
    case "unaryBackward":
      return operationName(unaryOperations, n.operation);
    default:
      return "";
  }
}

function rowOf(calls: readonly ProfiledCall[], limits: MachineLimits, total: number): ProfileRow {
  const judged = calls.map((call) => judge(call, limits));
  const seconds = sum(calls, (call) => call.duration) / 1e9;
  const operations = sum(judged, (one) => one.operations);
  const bytes = sum(judged, (one) => one.bytes);
  const floorSeconds = sum(judged, (one) => one.seconds);
  const weights = new Map<LimitName, number>();
  for (const { limit, seconds } of judged) weights.set(limit, (weights.get(limit) ?? 0) + seconds);
  const [limit] = [...weights].reduce((best, each) => (each[1] > best[1] ? each : best));
  const { judgedBy } = judged[0]!;
  return {
    kernel: nameOf(calls[0]!),
    detail: callDetail(calls[0]!),
    calls: calls.length,
    seconds,
    share: ratio(seconds, total),
    operations,
    bytes,
    judgedBy,
    rate: ratio(judgedBy === "operations" ? operations : bytes, seconds),
    floorSeconds,
    ofLimit: ratio(floorSeconds, seconds),
    limit,
  };
}

function judge(call: ProfiledCall, limits: MachineLimits): Judgement {
  const cost = call.kind === "kernel" ? kernelCost(call) : { operations: 0, bytes: 2 * call.bytes };
  const kind = workKind(call);
  if (kind !== "bytes") {
    const bfloat16 = isBfloat16(call) ? limits.bfloat16Dots : null;
    const limit = bfloat16 === null ? "multiplyAdds" : "bfloat16Dots";
    const seconds = cost.operations / (bfloat16 ?? limits.multiplyAdds);
    return { ...cost, judgedBy: "operations", limit, seconds };
  }
  const limit = cost.bytes <= limits.lastCacheBytes ? "lastCache" : "memory";
  return { ...cost, judgedBy: "bytes", limit, seconds: cost.bytes / limits[limit] };
}

/** The kernel of a call, or what a copy is. */
export function nameOf(call: ProfiledCall): ProfileRow["kernel"] {
  return call.kind === "kernel" ? call.kernel : call.kind;
}

function operationName(table: Readonly<Record<string, number>>, code: number | undefined): string {
  return Object.entries(table).find(([, value]) => value === code)?.[0] ?? String(code);
}

/** amount / time; 0 where nothing takes time, as on a dry device. */
export function ratio(amount: number, time: number): number {
  return time === 0 ? 0 : amount / time;
}

/** Σ value(item). */
export function sum<Item>(items: readonly Item[], value: (item: Item) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
