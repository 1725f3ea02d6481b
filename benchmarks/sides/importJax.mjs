// jax-js on its WebAssembly backend, with as many threads as the others.
import { resolveObjectURL } from "node:buffer";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Worker as NodeWorker } from "node:worker_threads";

// Node.js has no web workers, and without them the backend has one thread: this much of them lets it use as many as the
// others.
const workerPrelude = `
const { parentPort } = require("node:worker_threads");
globalThis.self = globalThis;
globalThis.postMessage = (data) => parentPort.postMessage(data);
parentPort.on("message", (data) => self.onmessage({ data }));
`;
globalThis.Worker = class {
  #worker;
  constructor(url) {
    this.#worker = resolveObjectURL(url)
      .text()
      .then((source) => {
        const worker = new NodeWorker(workerPrelude + source, { eval: true });
        worker.on("message", (data) => this.onmessage({ data }));
        worker.on("error", (error) => this.onerror(error));
        return worker;
      });
  }
  postMessage(data) {
    this.#worker.then((worker) => worker.postMessage(data));
  }
};
/** @param {{ packages: string, threads: number }} settings `packages`: the folder that jax-js is installed in. */
export async function importJax({ packages, threads }) {
  Object.defineProperty(globalThis, "navigator", { value: { hardwareConcurrency: threads } });
  const entry = createRequire(`${packages}/`)
    .resolve("@jax-js/jax")
    .replace(/\.cjs$/, ".js");
  const jax = await import(pathToFileURL(entry).href);
  await jax.init("wasm");
  jax.defaultDevice("wasm");
  return jax;
}
