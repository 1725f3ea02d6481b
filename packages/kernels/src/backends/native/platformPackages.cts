/** A package with the addon for one kind of machine. */
interface PlatformPackage {
  readonly name: string;
  /** `process.platform` of the machines that it is for, and `os` in its package.json. */
  readonly os: string;
  /** `process.arch`, and `cpu` in its package.json. */
  readonly cpu: string;
  /** The C library, on Linux. */
  readonly libc?: "glibc" | "musl";
  /** Loads the addon. */
  load(): unknown;
}

/**
 * The packages with prebuilt addons: optional dependencies, of which a package manager installs the one that fits.
 * CommonJS with a literal `require` for each, so that bundlers see what may be loaded.
 */
const platformPackages: readonly PlatformPackage[] = [
  {
    name: "@splitmask/kernels-linux-x64",
    os: "linux",
    cpu: "x64",
    libc: "glibc",
    load: () => require("@splitmask/kernels-linux-x64"),
  },
  {
    name: "@splitmask/kernels-linux-x64-musl",
    os: "linux",
    cpu: "x64",
    libc: "musl",
    load: () => require("@splitmask/kernels-linux-x64-musl"),
  },
  {
    name: "@splitmask/kernels-linux-arm64",
    os: "linux",
    cpu: "arm64",
    libc: "glibc",
    load: () => require("@splitmask/kernels-linux-arm64"),
  },
  {
    name: "@splitmask/kernels-linux-arm64-musl",
    os: "linux",
    cpu: "arm64",
    libc: "musl",
    load: () => require("@splitmask/kernels-linux-arm64-musl"),
  },
  {
    name: "@splitmask/kernels-darwin-arm64",
    os: "darwin",
    cpu: "arm64",
    load: () => require("@splitmask/kernels-darwin-arm64"),
  },
  {
    name: "@splitmask/kernels-darwin-x64",
    os: "darwin",
    cpu: "x64",
    load: () => require("@splitmask/kernels-darwin-x64"),
  },
  {
    name: "@splitmask/kernels-win32-x64",
    os: "win32",
    cpu: "x64",
    load: () => require("@splitmask/kernels-win32-x64"),
  },
  {
    name: "@splitmask/kernels-win32-arm64",
    os: "win32",
    cpu: "arm64",
    load: () => require("@splitmask/kernels-win32-arm64"),
  },
];

export = platformPackages;
