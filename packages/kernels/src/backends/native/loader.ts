/**
 * How the native addon comes to a machine, all in one place:
 * 1. the file that the environment variable `SPLITMASK_KERNELS_BINARY` names, where it is set, and no other;
 * 2. what was compiled from source with `scripts/build.mjs` is in `build/Release`;
 * 3. else the package for the machine's system, processor and C library, which the package manager chose among the
 *    optional dependencies (`platformPackages.cts`);
 * 4. else {@link MissingBinaryError} names what was tried and how to mend it. `createDevice` decides what then
 *    computes.
 *
 * There is no install script, so no package manager has to be asked to allow one.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { BackendDevice, BackendKernel, CacheSizes } from "../../backend.js";
import { buildCommand } from "../../buildCommand.js";
import { type BinaryAttempt, MissingBinaryError } from "./missingBinary.js";
import platformPackages from "./platformPackages.cjs";

/** What the addon exports. */
export interface NativeAddon {
  readonly NativeDevice: new (threads: number, instructionSet: number, caches: CacheSizes) => BackendDevice;
  cacheSizes(): CacheSizes & { readonly wholeLast: number };
  checksum(bytes: Uint8Array): bigint;
  kernels(): BackendKernel[];
  instructionSets(): { name: string; available: boolean }[];
}

const require = createRequire(import.meta.url);
const packageFolder = fileURLToPath(new URL("../../..", import.meta.url));
const machine = `${process.platform}-${process.arch} with Node.js ${process.version}`;

/** The packages that may fit this machine. Of the two for Linux, the one for the other C library does not load. */
const candidates = platformPackages.filter(({ os, cpu }) => os === process.platform && cpu === process.arch);

/** A way to the addon. */
interface Source {
  readonly from: string;
  load(): unknown;
}

function sourcesOf(folder: string): Source[] {
  const file = (path: string) => ({ from: path, load: (): unknown => require(path) });
  const chosen = process.env.SPLITMASK_KERNELS_BINARY;
  if (chosen) return [file(resolve(chosen))];
  const compiled = join(folder, "build/Release/splitmask_kernels.node");
  // Looked for, because to a dynamic loader a file that is not there and a library that it needs are one error.
  return [
    ...(existsSync(compiled) ? [file(compiled)] : []),
    ...candidates.map(({ name, load }) => ({ from: name, load })),
  ];
}

/**
 * Loads the addon: what was compiled in `folder`, or else a platform package.
 * @throws MissingBinaryError when nothing fits this machine.
 */
export function loadNativeAddon(folder: string = packageFolder): NativeAddon {
  const attempts: BinaryAttempt[] = [];
  let cause: unknown;
  for (const { from, load } of sourcesOf(folder)) {
    try {
      return load() as NativeAddon;
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND";
      const [reason = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
      attempts.push({ from, reason: isMissing ? "not there" : reason });
      if (!isMissing) cause ??= error;
    }
  }
  throw new MissingBinaryError(machine, attempts, curesOf(), { cause });
}

/** Sentences with commands that work as they are printed. */
function curesOf(): string[] {
  const { version } = require(join(packageFolder, "package.json")) as { version: string };
  const libc = process.platform !== "linux" ? undefined : hasGlibc() ? "glibc" : "musl";
  const fitting = candidates.find((candidate) => candidate.libc === libc);
  return [
    ...(fitting === undefined
      ? []
      : [
          `Install it with \`npm install ${fitting.name}@${version}\`; package managers leave it out with ` +
            "--omit=optional, or when node_modules was made on another system.",
        ]),
    `Compile it with \`${buildCommand}\`, which needs a C++17 compiler (in a clone of the repository: ` +
      "`npm run build`).",
  ];
}

function hasGlibc(): boolean {
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime !== undefined;
}

let loaded: NativeAddon | null = null;

/**
 * The addon of this process, loaded when it is first asked for: a program that only imports this package needs none.
 * @throws MissingBinaryError as {@link loadNativeAddon}.
 */
export function nativeAddon(): NativeAddon {
  loaded ??= loadNativeAddon();
  return loaded;
}
