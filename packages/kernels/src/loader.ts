/**
 * How the native addon comes to a machine, all in one place:
 * 1. what was compiled here from source stands in `build/Release` (see `scripts/build.mjs`);
 * 2. a prebuilt binary for the platform travels inside the package, in `prebuilds/`;
 * 3. else the error below says what to do. There is no install script, so no package manager has to be asked to allow one.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** One native kernel, and the arguments that it was compiled with (`signatureOf` its entry). */
export interface NativeKernel {
  readonly name: string;
  readonly signature: string;
}

/** The native queue, pool and threads behind a {@link Device}; blocks are named by small integers. */
export interface NativeDevice {
  setWords(words: Float64Array): void;
  run(): void;
  allocate(bytes: number): number;
  mapFile(path: string, bytes: number): number;
  borrow(source: ArrayBuffer, sourceOffset: number, bytes: number): number;
  prefetch(id: number, byteOffset: number, bytes: number): void;
  checksum(id: number, byteOffset: number, bytes: number): Promise<bigint>;
  release(id: number): void;
  accountExternal(bytes: number): void;
  upload(
    id: number,
    byteOffset: number,
    source: ArrayBuffer,
    sourceOffset: number,
    bytes: number,
    copy: boolean,
  ): void;
  download(id: number, byteOffset: number, bytes: number): Promise<ArrayBuffer>;
  synchronize(): Promise<void>;
  startProfile(): void;
  stopProfile(): Promise<Float64Array>;
  memory(): [
    liveBytes: number,
    peakLiveBytes: number,
    cachedBytes: number,
    liveBuffers: number,
    mappedBytes: number,
  ];
  releaseCache(): void;
  close(): void;
}

/** What the addon exports. */
export interface NativeAddon {
  readonly NativeDevice: new (threads: number, instructionSet: number) => NativeDevice;
  checksum(bytes: Uint8Array): bigint;
  kernels(): NativeKernel[];
  instructionSets(): { name: string; available: boolean }[];
}

const require = createRequire(import.meta.url);
const packageFolder = join(dirname(fileURLToPath(import.meta.url)), "..");

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
      `@splitmask/kernels has no native addon for ${process.platform}-${process.arch} with Node.js ${process.version} (${reason}). ` +
        "Compile it with `npx splitmask-build-kernels`, which needs a C++17 compiler, make and python3 and says which of them is missing " +
        "(in a clone of the repository: `npm run build`). Linux and macOS on x64 and arm64 are supported; on Windows use WSL.",
      { cause },
    );
  }
}

/** The addon of this process. */
export const native: NativeAddon = loadNativeAddon();
