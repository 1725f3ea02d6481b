// Checks the binaries that buildBinaries.mjs made, as far as this machine can, and says what it cannot:
//
//   node tools/release/checkBinaries.mjs [--tests "gemm maths"|all] [linux-x64 darwin-arm64 …]
//
// As files: format, exports, the oldest system that they load on, the libraries that they need (llvm-readobj; Debian:
// apt install llvm). As programs, where the platform is this machine's, or qemu, Wine or a Node.js linked with musl is
// here (foreignNode.mjs): smoke.mjs, and with --tests tests of packages/kernels. Targets that are named have to be
// there.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { foreignNode } from "./foreignNode.mjs";
import { kernelTests, runKernelTests, runWithBinary } from "./kernelTests.mjs";
import { binaryOf, platforms, thisPlatform } from "./platforms.mjs";

const { values: options, positionals: asked } = parseArgs({
  options: { tests: { type: "string", default: "" } },
  allowPositionals: true,
});

const readobj = [
  "llvm-readobj",
  ...[22, 21, 20, 19, 18, 17, 16, 15, 14].map((version) => `llvm-readobj-${version}`),
].find((program) => spawnSync(program, ["--version"]).status === 0);

/** What each system's binaries have to look like. */
const expectations = {
  linux: {
    options: ["--needed-libs", "--dyn-symbols", "--version-info"],
    format: { x64: "elf64-x86-64", arm64: "elf64-littleaarch64" },
    exported: /Name: (\S+?)(?:@\S*)? \(\d+\)\n(?: {4}.*\n)*? {4}Section: \.text/g,
    libraries: { glibc: /^(lib(c|m|pthread|dl|rt)\.so\.\d|ld-linux-\S+)$/, musl: /^libc\.(so|musl-\S+)$/ },
  },
  darwin: {
    options: ["--needed-libs", "--syms", "--macho-version-min"],
    format: { x64: "Mach-O 64-bit x86-64", arm64: "Mach-O arm64" },
    exported: /Name: _(\S+) \(\d+\)\n +Extern\n +Type: Section/g,
    libraries: { undefined: /^\/usr\/lib\/lib(System\.B|c\+\+\.1|objc\.A)\.dylib$/ },
  },
  win32: {
    options: ["--needed-libs", "--coff-exports"],
    format: { x64: "COFF-x86-64", arm64: "COFF-ARM64" },
    exported: /Export \{\n.*\n +Name: (\S+)\n/g,
    // Of Windows itself; Node-API is no import (nodeApiWindows.cpp).
    libraries: { undefined: /^(KERNEL32|ntdll|api-ms-win-crt-[\w-]+|ADVAPI32)\.dll$/i },
  },
};
const wantedExports = ["napi_register_module_v1", "node_api_module_get_api_version_v1"];
const oldestGlibc = 28;

/** What is wrong with a file, in words. */
function faultsOf({ os, cpu, libc }, file) {
  const expected = expectations[os];
  const { stdout } = spawnSync(readobj, [...expected.options, file], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  const faults = [];
  const format = /^Format: (.*)$/m.exec(stdout)?.[1];
  if (format !== expected.format[cpu])
    faults.push(`its format is ${format}; expected ${expected.format[cpu]}`);
  const exported = [...stdout.matchAll(expected.exported)].map(([, name]) => name);
  const missing = wantedExports.filter((name) => !exported.includes(name));
  if (missing.length > 0) faults.push(`it does not export ${missing.join(", ")}`);
  // zig's linker for macOS cannot hide the C++ library's operators new and delete, which only call malloc and free.
  const isKnown = (name) =>
    wantedExports.includes(name) ||
    (os === "darwin" && /^(_Z[nd][wal]|_mh_dylib_header|__dso_handle)/.test(name));
  const surplus = exported.filter((name) => !isKnown(name));
  if (surplus.length > 0)
    faults.push(`it also exports ${surplus.slice(0, 5).join(", ")} (${surplus.length})`);
  const [, list = ""] = /NeededLibraries \[\n([^\]]*)\]/.exec(stdout) ?? [];
  const libraries = list.split("\n").map((line) => line.trim());
  // A library for macOS names itself, too.
  const foreign = libraries.filter(
    (name) => name !== "" && name !== `@rpath/${basename(file)}` && !expected.libraries[libc].test(name),
  );
  if (foreign.length > 0) faults.push(`it needs ${foreign.join(", ")}`);
  const glibc = [...stdout.matchAll(/Name: GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor));
  if (Math.max(0, ...glibc) > oldestGlibc)
    faults.push(`it needs glibc 2.${Math.max(...glibc)}; expected at most 2.${oldestGlibc}`);
  if (os === "darwin") {
    const minimum = /MinVersion \{\n(?: .*\n)*? +Version: (\S+)/.exec(stdout)?.[1];
    if (minimum !== "11.0") faults.push(`its oldest macOS is ${minimum}; expected 11.0`);
    if (cpu === "arm64" && !hasSignature(file))
      faults.push("it has no signature, without which macOS loads nothing");
  }
  return faults;
}

/** Whether a Mach-O file has the load command LC_CODE_SIGNATURE. */
function hasSignature(file) {
  const bytes = readFileSync(file);
  let at = 32;
  for (let command = 0; command < bytes.readUInt32LE(16); command++) {
    if (bytes.readUInt32LE(at) === 0x1d) return true;
    at += bytes.readUInt32LE(at + 4);
  }
  return false;
}

let failures = 0;
function report(target, succeeded, text) {
  if (!succeeded) failures += 1;
  console.log(`${target}: ${succeeded ? "" : "FAILED: "}${text}`);
}

for (const platform of platforms) {
  const { target } = platform;
  if (asked.length > 0 && !asked.includes(target)) continue;
  const binary = binaryOf(platform);
  if (!existsSync(binary)) {
    report(target, asked.length === 0, "there is no binary");
    continue;
  }
  if (readobj === undefined) {
    report(
      target,
      true,
      "the file was not checked: llvm-readobj is not installed (Debian: apt install llvm)",
    );
  } else {
    const faults = faultsOf(platform, binary);
    report(target, faults.length === 0, faults.length === 0 ? "the file is as expected" : faults.join("; "));
  }
  const node =
    platform === thisPlatform ? { command: [process.execPath], environment: {} } : foreignNode(target);
  if (node.missing !== undefined) {
    report(target, true, `it was not run: ${node.missing}`);
    continue;
  }
  const smoke = fileURLToPath(new URL("smoke.mjs", import.meta.url));
  const { succeeded, output } = await runWithBinary(node, binary, [smoke]);
  report(target, succeeded, `smoke test: ${output.trim()}`);
  const names = options.tests === "all" ? kernelTests : options.tests.split(/\s+/).filter(Boolean);
  failures += await runKernelTests({ label: target, names, node, binary });
}
process.exitCode = failures === 0 ? 0 : 1;
