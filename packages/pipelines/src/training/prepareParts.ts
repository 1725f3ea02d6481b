import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ImageDataset } from "@splitmask/data";
import type { Device } from "@splitmask/kernels";
import type { Method } from "@splitmask/methods";
import type { Normalization } from "../settings/normalization.js";
import type { StepSettings } from "../settings/stepSettings.js";
import type { Terminal } from "../terminal/terminal.js";
import { trainingCrops } from "./crops.js";

/** A run whose method makes something before the first step. */
export interface PreparedRun {
  /** Its method. */
  readonly method: Method;
  /** Its settings. */
  readonly settings: StepSettings & Normalization;
  /** The pictures. */
  readonly dataset: ImageDataset;
  /** Stops it. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * What a method makes before the first step: read from the run folder where it is there, else made and left there.
 *
 * @param device Where it is computed.
 * @param folder The run folder.
 * @param run What it is made for.
 * @param terminal Where it is told.
 */
export async function prepareParts(
  device: Device,
  folder: string,
  { dataset, method, settings, signal }: PreparedRun,
  terminal: Terminal,
): Promise<unknown> {
  const { preparation } = method;
  if (preparation === undefined) return undefined;
  const file = join(folder, preparation.file);
  // A run that was killed before its parts were there makes them as it would have.
  if (existsSync(file)) return preparation.load(device, file);
  const parts = await preparation.make({
    device,
    settings,
    pictureCount: dataset.length,
    crops: trainingCrops(device, dataset, settings),
    progress: (doing, share) => terminal.progress(`${doing} ${Math.floor(100 * share)} %`),
    tell(subject, text) {
      terminal.endProgress();
      terminal.line(`${terminal.style.bold(subject)}: ${text}`);
    },
    ...(signal === undefined ? {} : { signal }),
  });
  terminal.endProgress();
  await preparation.save(parts, file);
  return parts;
}
