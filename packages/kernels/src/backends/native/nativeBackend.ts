import { nativeAddon } from "#platform";
import type { Backend } from "../../backend.js";
import { chooseInstructionSet } from "./instructionSets.js";

/** The C++ addon on this machine's CPU, loaded when the first device is opened. */
export const nativeBackend: Backend = {
  name: "native",
  lacks: [],
  kernels: () => nativeAddon().kernels(),
  open({ threads, instructionSet, implementation, caches }) {
    const chosen = chooseInstructionSet(instructionSet);
    const { NativeDevice, cacheSizes, instructionSets } = nativeAddon();
    const set = instructionSets().findIndex(({ name }) => name === chosen);
    return {
      instructionSet: chosen,
      device: new NativeDevice(threads, implementation === "naive" ? -1 : set, caches ?? cacheSizes()),
    };
  },
};
