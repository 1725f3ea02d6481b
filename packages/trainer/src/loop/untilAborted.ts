/** The value of a promise, or null as soon as the signal is aborted. */
export async function untilAborted<Value>(
  promise: Promise<Value>,
  signal: AbortSignal | undefined,
): Promise<{ readonly value: Value } | null> {
  if (signal === undefined) return { value: await promise };
  let listener = () => {};
  const aborted = new Promise<null>((resolve) => {
    listener = () => resolve(null);
    signal.addEventListener("abort", listener);
  });
  try {
    return await Promise.race([promise.then((value) => ({ value })), aborted]);
  } finally {
    signal.removeEventListener("abort", listener);
  }
}
