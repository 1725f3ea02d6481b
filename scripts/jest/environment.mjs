import { TestEnvironment } from "jest-environment-node";

/** Classes that a native addon makes in the outer realm: shared, so that instanceof and toThrow see one class. */
const SHARED = [
  "ArrayBuffer",
  "SharedArrayBuffer",
  "DataView",
  "Float32Array",
  "Float64Array",
  "Int8Array",
  "Int16Array",
  "Int32Array",
  "BigInt64Array",
  "BigUint64Array",
  "Uint8Array",
  "Uint8ClampedArray",
  "Uint16Array",
  "Uint32Array",
  "Error",
  "RangeError",
  "TypeError",
  "SyntaxError",
];

/** The node environment with the outer realm's typed arrays and errors. */
export default class SharedRealmEnvironment extends TestEnvironment {
  async setup() {
    await super.setup();
    for (const name of SHARED) this.global[name] = globalThis[name];
  }
}
