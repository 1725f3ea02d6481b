/**
 * How the native addon comes to a machine, all in one place:
 * 1. what was compiled here from source stands in `build/Release` (see `scripts/build.mjs`);
 * 2. a prebuilt binary for the platform travels inside the package, in `prebuilds/`;
 * 3. else the error below says what to do. There is no install script, so no package manager has to be asked to allow
 * one.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BackendDevice, BackendKernel, CacheSizes } from "../../backend.js";
import { buildCommand } from "../../buildCommand.js";

/** What the addon exports. */
export interface NativeAddon {
  readonly NativeDevice: new (threads: number, instructionSet: number, caches: CacheSizes) => BackendDevice;
  cacheSizes(): CacheSizes & { readonly wholeLast: number };
  checksum(bytes: Uint8Array): bigint;
  kernels(): BackendKernel[];
  instructionSets(): { name: string; available: boolean }[];
}

const require = createRequire(import.meta.url);
const packageFolder = join(dirname(fileURLToPath(import.meta.url)), "../../..");

/**
 * Loads the addon from `folder`.
 * @throws Error that says what to do when there is no binary for this machine or it cannot be loaded.
 */
export function loadNativeAddon(folder: string = packageFolder): NativeAddon {
  try {
    return (require("node-gyp-build") as (folder: string) => NativeAddon)(folder);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new Error(
      `@splitmask/kernels has no native addon for ${process.platform}-${process.arch} with Node.js ` +
        `${process.version} (${reason}). Compile it with \`${buildCommand}\`, which needs a ` +
        "C++17 compiler, make and python3 and says which of them is missing (in a clone of the repository: " +
        "`npm run build`). Linux and macOS on x64 and arm64 are supported; on Windows use WSL.",
      { cause },
    );
  }
}

let loaded: NativeAddon | null = null;

/**
 * The addon of this process, loaded when it is first asked for: a program that only imports this package needs none.
 * @throws Error as {@link loadNativeAddon}.
 */
export function nativeAddon(): NativeAddon {
  loaded ??= loadNativeAddon();
  return loaded;
}
