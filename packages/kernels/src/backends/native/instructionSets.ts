import { environmentVariable, nativeAddon } from "#platform";
import type { InstructionSet } from "../../backend.js";

/** The instruction sets that the addon holds and this CPU has, from the slowest to the fastest. */
export function nativeInstructionSets(): InstructionSet[] {
  return nativeAddon()
    .instructionSets()
    .filter((set) => set.available)
    .map((set) => set.name as InstructionSet);
}

/**
 * The set that a device uses: the one asked for, or for `"auto"` the one named by the environment variable
 * `SPLITMASK_INSTRUCTION_SET`, or the fastest that the CPU has.
 * @throws Error if the CPU or this build lacks the set that was asked for.
 */
export function chooseInstructionSet(asked: InstructionSet | "auto" = "auto"): InstructionSet {
  const available = nativeInstructionSets();
  const forced = environmentVariable("SPLITMASK_INSTRUCTION_SET");
  const fromEnvironment = asked === "auto" && forced !== undefined && forced !== "" && forced !== "auto";
  const wanted = fromEnvironment ? forced : asked;
  if (wanted === "auto") return available[available.length - 1]!;
  const found = available.find((set) => set === wanted);
  if (found === undefined) {
    const where = fromEnvironment ? "SPLITMASK_INSTRUCTION_SET" : "instructionSet";
    throw new Error(
      `createDevice: ${where} is "${wanted}", but this machine runs only ` +
        `${available.map((set) => `"${set}"`).join(", ")}. Use one of these, or "auto".`,
    );
  }
  return found;
}
