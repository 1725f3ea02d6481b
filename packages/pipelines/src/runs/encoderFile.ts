import { writeSafetensors } from "@splitmask/autograd";
import type { PretrainingTask } from "@splitmask/methods";
import type { RunDescription } from "./description.js";

/** Name of the encoder's weights in a finished run folder, with timm's names. */
export const encoderFile = "encoder.safetensors";

/** Writes the encoder's weights under timm's names, with what a reader needs to know of them. */
export async function writeEncoder(
  path: string,
  { model }: PretrainingTask,
  normalization: Pick<RunDescription, "mean" | "std">,
): Promise<void> {
  const { encoder } = model;
  await writeSafetensors(path, await encoder.hostStateDict(), {
    format: "pt",
    config: JSON.stringify(encoder.config),
    normalization: JSON.stringify(normalization),
  });
}
