import type { Device } from "@splitmask/kernels";

/** What a scope needs to know of a recorded operation. */
export interface ScopedNode {
  /** The operations whose results it reads. */
  readonly sources: Iterable<ScopedNode>;
  /** Gives back what it kept: no tensor that is still there leads to it. */
  release(): void;
}

/**
 * What a scope needs to know of a tensor: how to give its reference back, the graph behind it, and which scope owns it.
 */
export interface ScopedHandle {
  /** The scope that will release this handle; null: nobody but its user and the garbage collector. */
  owner: HandleScope | null;
  /** The operation that computed it, if recorded. */
  readonly node: ScopedNode | null;
  /** Gives the handle's reference back because its scope has ended. */
  releaseFromScope(): void;
}

/** What was made while one `scope` call runs. */
export interface HandleScope {
  /** Handles in the order in which they were made. */
  readonly handles: Set<ScopedHandle>;
  /** Operations recorded inside. */
  readonly nodes: Set<ScopedNode>;
  /** Where graphs begin that outlive the scope: behind handles that were kept or returned. */
  readonly roots: ScopedNode[];
}

interface DeviceRecord {
  readonly scopes: HandleScope[];
  noGradDepth: number;
  nextNode: number;
}

// Keyed by device: two devices never see each other's scopes, and nothing outlives its device.
const records = new WeakMap<Device, DeviceRecord>();

function recordOf(device: Device): DeviceRecord {
  let record = records.get(device);
  if (record === undefined) {
    record = { scopes: [], noGradDepth: 0, nextNode: 0 };
    records.set(device, record);
  }
  return record;
}

/** Registers a new handle with the innermost scope of its device. */
export function enterScope(device: Device, handle: ScopedHandle): void {
  const innermost = recordOf(device).scopes.at(-1);
  if (innermost === undefined) return;
  innermost.handles.add(handle);
  handle.owner = innermost;
}

/** Whether a handle was made in the innermost scope of its device, and neither kept nor disposed since. */
export function madeInScope(device: Device, handle: ScopedHandle): boolean {
  return handle.owner !== null && handle.owner === recordOf(device).scopes.at(-1);
}

/** Registers a recorded operation with the innermost scope of its device. */
export function enterNode(device: Device, node: ScopedNode): void {
  recordOf(device).scopes.at(-1)?.nodes.add(node);
}

/** Forgets a handle that is being disposed. */
export function forget(handle: ScopedHandle): void {
  handle.owner?.handles.delete(handle);
  handle.owner = null;
}

/** Takes a handle out of its scope, so that the scope's end leaves it and the graph behind it alone. */
export function leaveScope(handle: ScopedHandle): void {
  if (handle.node !== null) handle.owner?.roots.push(handle.node);
  forget(handle);
}

/**
 * Runs `fn`, then releases every tensor that was made inside, except those that `fn` returns (alone, or in arrays,
 * plain objects and maps), those passed to `keep`, the gradients of leaves, and what the graphs of these still need.
 * Scopes may be nested: what an inner scope returns belongs to the outer one. It does not wait: the memory may be used
 * again at once, because the device runs its queue in order.
 *
 * A scope is never needed for correctness: without one, garbage collection releases the same memory later.
 *
 * @param device The device of the tensors.
 * @param fn Must be synchronous. Operations never wait, so nothing in it needs `await`.
 * @throws TypeError If `fn` returns a promise.
 */
export function scope<Result>(device: Device, fn: () => Result): Result {
  const record = recordOf(device);
  const own: HandleScope = { handles: new Set(), nodes: new Set(), roots: [] };
  record.scopes.push(own);
  let result: Result;
  try {
    result = fn();
    if (result instanceof Promise || typeof (result as { then?: unknown } | null)?.then === "function") {
      throw new TypeError(
        "scope: the function returned a promise, but tensors are released as soon as it returns. Make it " +
          "synchronous and await its tensors outside, e.g. await scope(device, () => loss(batch)).item().",
      );
    }
    record.scopes.pop();
    const outer = record.scopes.at(-1) ?? null;
    // What was kept stays for good; what is returned, as long as the outer scope wants.
    outer?.roots.push(...own.roots);
    moveOut(result, own, outer);
    moveGraphsOut(own, outer);
  } catch (error) {
    if (record.scopes.at(-1) === own) record.scopes.pop();
    releaseAll(own);
    throw error;
  }
  releaseAll(own);
  return result;
}

/** Leaves the graphs behind kept and returned handles to the outer scope. */
function moveGraphsOut(own: HandleScope, outer: HandleScope | null): void {
  const reachable = new Set(own.roots);
  for (const node of reachable) for (const source of node.sources) reachable.add(source);
  for (const node of reachable) if (own.nodes.delete(node)) outer?.nodes.add(node);
}

function releaseAll(own: HandleScope): void {
  for (const node of own.nodes) node.release();
  for (const handle of own.handles) {
    handle.owner = null;
    handle.releaseFromScope();
  }
  own.handles.clear();
}

function moveOut(value: unknown, from: HandleScope, to: HandleScope | null): void {
  if (typeof value !== "object" || value === null) return;
  if ("releaseFromScope" in value) {
    const handle = value as ScopedHandle;
    if (handle.owner !== from) return;
    leaveScope(handle);
    handle.owner = to;
    to?.handles.add(handle);
  } else if (value instanceof Map || Array.isArray(value)) {
    for (const item of value.values()) moveOut(item, from, to);
  } else if (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null) {
    for (const item of Object.values(value)) moveOut(item, from, to);
  }
}

/**
 * Runs `fn` without recording a graph: results need no gradient, and nothing is kept for a backward pass.
 *
 * @param fn Must be synchronous, as for `scope`.
 * @throws TypeError If `fn` returns a promise.
 */
export function noGrad<Result>(device: Device, fn: () => Result): Result {
  const record = recordOf(device);
  record.noGradDepth++;
  try {
    const result = fn();
    if (result instanceof Promise) {
      throw new TypeError(
        "noGrad: the function returned a promise, but recording starts again as soon as it returns. " +
          "Make it synchronous and await its tensors outside.",
      );
    }
    return result;
  } finally {
    record.noGradDepth--;
  }
}

/** Runs `fn` recording a graph, wherever it is called from: for rules that compute something once more. */
export function record<Result>(device: Device, fn: () => Result): Result {
  const state = recordOf(device);
  const depth = state.noGradDepth;
  state.noGradDepth = 0;
  try {
    return fn();
  } finally {
    state.noGradDepth = depth;
  }
}

/** Whether operations on this device are recorded at the moment. */
export function isRecording(device: Device): boolean {
  return recordOf(device).noGradDepth === 0;
}

/** The running number of the next node on this device's tape. */
export function nextNodeNumber(device: Device): number {
  return recordOf(device).nextNode++;
}
