import { join, readFile } from "#platform";
import type { EncoderFacts } from "./encoderNamings.js";
import { isNormalization } from "./pictureNormalization.js";

/** What the files beside an encoder's weights say of it; undefined: nothing. */
export interface BesideFiles extends Partial<EncoderFacts> {
  /** transformers' name of the kind of model, e.g. `"vit_mae"`. */
  readonly modelType?: string;
  /** Attention heads. */
  readonly heads?: number;
  /** [height, width] of the pictures in pixels. */
  readonly imageSize?: readonly [height: number, width: number];
}

type Json = Readonly<Record<string, unknown>>;

/** transformers' names of the activations that are here. */
const activations = { gelu: "gelu", quick_gelu: "quickGelu" } as const;

/**
 * Reads transformers' `config.json` and `preprocessor_config.json`, or timm's `config.json`, where they are.
 *
 * @throws Error If a file is no JSON, or says what no `VisionTransformer` can do.
 */
export async function readBesideFiles(folder: string): Promise<BesideFiles> {
  const config = await readJson(join(folder, "config.json"));
  const preprocessor = await readJson(join(folder, "preprocessor_config.json"));
  return {
    ...(typeof config?.architecture === "string" ? ofTimm(config) : {}),
    ...(typeof config?.model_type === "string" ? ofTransformers(config, folder) : {}),
    ...ofPreprocessor(preprocessor),
  };
}

async function readJson(path: string): Promise<Json | null> {
  let text: string;
  try {
    text = new TextDecoder().decode(await readFile(path));
  } catch {
    return null;
  }
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new Error(`${path} is not JSON: ${(error as Error).message}. Mend it, or put it away.`, {
      cause: error,
    });
  }
}

/** timm's: the architecture's name, and what its weights were trained on. */
function ofTimm(config: Json): BesideFiles {
  const { mean, std, input_size } = { ...config, ...(config.pretrained_cfg as Json | undefined) } as Json;
  const { act_layer, num_heads } = (config.model_args ?? {}) as Json;
  const isQuick = /quickgelu/.test(config.architecture as string) || act_layer === "quick_gelu";
  const normalization = { mean, std };
  const [, ...size] = Array.isArray(input_size) ? (input_size as number[]) : [];
  return {
    ...(isNormalization(normalization, 3) ? { normalization } : {}),
    ...(typeof num_heads === "number" ? { heads: num_heads } : {}),
    ...(size.length === 2 ? { imageSize: size as [number, number] } : {}),
    ...(isQuick ? { activation: "quickGelu" } : {}),
  };
}

/** transformers': of a CLIP only the image tower's part. */
function ofTransformers(config: Json, folder: string): BesideFiles {
  const own = { ...config, ...(config.vision_config as Json | undefined) } as Json;
  const { hidden_act, image_size, layer_norm_eps, model_type, num_attention_heads } = own;
  const activation = activations[hidden_act as keyof typeof activations];
  if (hidden_act !== undefined && activation === undefined) {
    throw new Error(
      `readEncoder: config.json of ${folder} has hidden_act ${JSON.stringify(hidden_act)}; ` +
        `expected ${Object.keys(activations).join(" or ")}, which a VisionTransformer has.`,
    );
  }
  return {
    modelType: model_type as string,
    ...(typeof num_attention_heads === "number" ? { heads: num_attention_heads } : {}),
    ...(typeof layer_norm_eps === "number" ? { epsilon: layer_norm_eps } : {}),
    ...(typeof image_size === "number" ? { imageSize: [image_size, image_size] } : {}),
    ...(Array.isArray(image_size) ? { imageSize: image_size as unknown as [number, number] } : {}),
    ...(activation === undefined ? {} : { activation }),
  };
}

/** transformers' `preprocessor_config.json`. */
function ofPreprocessor(preprocessor: Json | null): BesideFiles {
  if (preprocessor === null) return {};
  const { do_normalize = true, image_mean: mean, image_std: std } = preprocessor;
  if (do_normalize === false) return { normalization: { mean: [0, 0, 0], std: [1, 1, 1] } };
  const normalization = { mean, std };
  return isNormalization(normalization, 3) ? { normalization } : {};
}
