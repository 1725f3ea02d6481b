import {
  availableInstructionSets,
  availableWasmSets,
  type DeviceOptions,
  type InstructionSet,
} from "@splitmask/kernels";

/** Something that kernels run on. */
export interface Version {
  /** How errors and docs/features.md call it. */
  readonly label: string;
  /** What makes its device. */
  readonly options: Pick<DeviceOptions, "backend" | "implementation" | "instructionSet">;
  /** Element type of its calls. */
  readonly dtype: "float32" | "float64";
}

/** What all others are held against. */
export const reference: Version = {
  label: "naive float64",
  options: { implementation: "naive" },
  dtype: "float64",
};

/** The fast kernels in one instruction set. */
export const fastVersion = (instructionSet: InstructionSet): Version => ({
  label: `fast ${instructionSet}`,
  options: { instructionSet },
  dtype: "float32",
});

/** The fast kernels in WebAssembly, where it was built. */
const wasmVersions: readonly Version[] = availableWasmSets().map((instructionSet) => ({
  label: `wasm ${instructionSet}`,
  options: { backend: "wasm", instructionSet },
  dtype: "float32",
}));

/** Everything that the tests of kernels and operations run on: a new backend is one more row. */
export const versions: readonly Version[] = [
  { label: "naive", options: { implementation: "naive" }, dtype: "float32" },
  ...availableInstructionSets().map(fastVersion),
  ...wasmVersions,
  { label: "dry", options: { backend: "dry" }, dtype: "float32" },
];
