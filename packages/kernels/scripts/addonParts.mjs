// What the addon is compiled from and with, stated once: for this machine's compiler (build.mjs), for the release's
// binaries and for programs that measure the kernels.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** C++ files of a folder, from the package's folder. */
const sourcesIn = (folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".cpp"))
    .map((name) => `${folder}/${name}`)
    .sort();

const everywhere = [
  "-std=c++17",
  "-O3",
  "-fvisibility=hidden",
  "-Inative",
  "-Wall",
  "-Wextra",
  "-Wno-unused-parameter",
  "-Wno-unknown-warning-option",
  "-Wno-unneeded-internal-declaration",
];
const fast = ["-ffp-contract=fast", "-fno-exceptions", "-fno-math-errno", "-Wno-psabi"];
const avx2 = ["-mavx2", "-mfma"];
const avx512 = [
  ...avx2,
  "-mavx512f",
  "-mavx512bw",
  "-mavx512dq",
  "-mavx512vl",
  "-mprefer-vector-width=512",
  "-Wno-maybe-uninitialized",
  "-Wno-uninitialized",
];

/** The groups of kernels that have a version of their own for AVX512-BF16 and AVX512-VNNI. */
export const bfloat16Groups = [
  "products",
  "packedProducts",
  "attention",
  "normalization",
  "linearLosses",
  "limits",
];

/** The sets of fast kernels by processor (as `process.arch`), with the flags of each; another one has `portable`. */
const instructionSets = {
  x64: { portable: [], avx2, avx512, avx512bf16: [...avx512, "-mavx512bf16", "-mavx512vnni"] },
  arm64: { portable: [], neon: [] },
};

/** What a part is compiled with. @param part `runtime`, `naive` or an instruction set. */
export function flagsOf(part, cpu = process.arch) {
  if (part === "runtime")
    return [
      ...everywhere,
      "-DNAPI_VERSION=8",
      "-DNAPI_CPP_EXCEPTIONS",
      "-DNODE_ADDON_API_DISABLE_DEPRECATED",
    ];
  const flags = part === "naive" ? ["-ffp-contract=off"] : [...fast, ...setsOf(cpu)[part]];
  return [...everywhere, `-DSPLITMASK_SET=${part}`, ...flags];
}

const setsOf = (cpu) => instructionSets[cpu] ?? { portable: [] };

const sourcesOf = (part) => {
  if (part === "runtime" || part === "naive") return sourcesIn(`native/${part}`);
  if (part === "avx512bf16") return bfloat16Groups.map((group) => `native/fast/${group}.cpp`);
  return sourcesIn("native/fast");
};

/**
 * The parts of the addon for a processor: `[{ name, sources, flags }]`.
 * @param without Instruction sets that are left out.
 */
export function partsOf(cpu, without = []) {
  const left = without.map((set) => `-DSPLITMASK_WITHOUT_${set.toUpperCase()}`);
  const sets = Object.keys(setsOf(cpu)).filter((set) => !without.includes(set));
  return [...sets, "naive", "runtime"].map((name) => ({
    name,
    sources: sourcesOf(name),
    flags: [...flagsOf(name, cpu), ...(name === "runtime" ? left : [])],
  }));
}

/**
 * The instruction sets that a device on this machine does not choose by itself, given what its compiler defines for it
 * (`-march=native -dM -E`).
 */
export function unusedSets(macros) {
  if (macros.includes("__AVX512BF16__")) return ["avx2"];
  if (macros.includes("__AVX512BW__")) return ["avx2", "avx512bf16"];
  return macros.includes("__AVX2__") ? ["avx512", "avx512bf16"] : [];
}
