/**
 * The script of a worker, which runs one thread: an instance of the module on the device's memory. Text, so that no
 * bundler has to find a file; it runs in `node:worker_threads` and as a browser's worker.
 */
export const workerSource = `
"use strict";
function runThread({ module, memory, entry, stackTop, threadVariables }, post) {
  const nothing = () => 0;
  const imports = {
    env: { memory },
    host: {
      startThread: nothing,
      completed: () => post(null),
      yieldThread: () => Atomics.wait(new Int32Array(memory.buffer, 0, 1), 0, 0, 0.001),
    },
    wasi_snapshot_preview1: new Proxy({}, { get: (_, name) => name === "clock_time_get" ? clock : nothing }),
  };
  function clock(_id, _precision, address) {
    new BigInt64Array(memory.buffer, address, 1)[0] = BigInt(Math.round(performance.now() * 1e6));
    return 0;
  }
  const { exports } = new WebAssembly.Instance(module, imports);
  exports.__stack_pointer.value = stackTop;
  exports.__wasm_init_tls(threadVariables);
  exports.runThread(entry);
}
if (typeof require === "function") {
  const { parentPort, workerData } = require("node:worker_threads");
  runThread(workerData, (message) => parentPort.postMessage(message));
} else {
  onmessage = ({ data }) => runThread(data, (message) => postMessage(message));
}
`;
