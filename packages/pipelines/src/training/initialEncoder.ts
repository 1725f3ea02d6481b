import { type Choice, contradiction } from "@splitmask/methods/settings";
import type { Module } from "@splitmask/nn";
import { VisionTransformer, type VisionTransformerConfig } from "@splitmask/vit";
import { type EncoderWeights, loadWeights, originOf, readEncoderWeights, sizesOf } from "../runs/encoder.js";
import type { Config } from "../settings/config.js";
import type { PretrainingSettings } from "../settings/runSettings.js";

/** Reads the weights that a pre-training run begins with; its heads may be given where a file does not tell them. */
export function readInitialEncoder(path: string, { heads }: Pick<Config, "heads">): Promise<EncoderWeights> {
  return readEncoderWeights(path, "another run", heads === undefined ? {} : { heads });
}

/** What is given, with what the weights of `init` fix; and what else the encoder is. */
export interface InitializedConfig {
  readonly given: Config;
  readonly architecture: PretrainingSettings["architecture"];
}

/**
 * Completes what is given by the shape of the encoder whose weights the run begins with.
 *
 * @throws UsageError where another shape is given.
 */
export async function withInitialEncoder(given: Config): Promise<InitializedConfig> {
  const { imageSize, init, mean, model, std } = given;
  if (init === undefined) return { given, architecture: null };
  const read = await readInitialEncoder(init, given);
  const { view } = read;
  const { imageSize: ownSize, layerScale, ...sizes } = sizesOf(read);
  if (model !== undefined)
    throw contradiction("model and init", `the model is that of ${init}; leave model out`);
  for (const [name, own] of Object.entries({ ...sizes, layerScale })) {
    const asked = given[name as keyof typeof sizes];
    if (asked !== undefined && asked !== own) {
      const problem = `${asked} was given, and ${init} has ${own ?? "none"}; leave ${name} out`;
      throw contradiction(`${name} and init`, problem);
    }
  }
  const isGiven = mean !== undefined || std !== undefined;
  return {
    given: {
      ...given,
      ...sizes,
      ...(layerScale === null ? {} : { layerScale }),
      imageSize: imageSize ?? ownSize,
      ...(isGiven ? {} : ({ mean: view.mean, std: view.std } as Pick<Config, "mean" | "std">)),
    },
    architecture: architectureOf(read.config),
  };
}

/** What a config says besides the settings that all methods have. */
function architectureOf({
  depth: _depth,
  dropPath: _dropPath,
  heads: _heads,
  imageSize: _imageSize,
  layerScale: _layerScale,
  patchSize: _patchSize,
  width: _width,
  ...others
}: VisionTransformerConfig): Partial<VisionTransformerConfig> {
  return others;
}

/** The decision which weights a run begins with. */
export function initialChoice(path: string, read: EncoderWeights): Choice {
  return { name: "encoder", value: `the weights of ${originOf(path, read.step)}`, reason: "given" };
}

/**
 * Loads weights into a model's encoder, and into those that began as its copies: a student, or a teacher by a moving
 * average.
 */
export function beginWith(
  model: Module & { readonly encoder: VisionTransformer },
  read: EncoderWeights,
): void {
  const own = JSON.stringify(model.encoder.config);
  const load = (module: Module): void => {
    if (!(module instanceof VisionTransformer)) for (const child of module.children.values()) load(child);
    else if (JSON.stringify(module.config) === own) loadWeights(module, read);
  };
  load(model);
}
