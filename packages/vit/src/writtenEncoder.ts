import {
  add,
  concatenate,
  type HostTensor,
  multiply,
  noGrad,
  ones,
  reshape,
  slice,
  type Tensor,
  zeros,
} from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import type { PictureNormalization } from "./pictureNormalization.js";
import type { VisionTransformer } from "./visionTransformer.js";

/** The libraries that an encoder can be written for. */
export type LibraryFormat = "timm" | "transformers";

/** An encoder as another library has it. */
export interface WrittenEncoder {
  /** The weights by the library's names. */
  readonly tensors: ReadonlyMap<string, HostTensor>;
  /** The other files of the folder, by name: what is written as JSON. */
  readonly files: Readonly<Record<string, object>>;
}

/** What an encoder becomes in each library. */
export const writers: Readonly<
  Record<
    LibraryFormat,
    (
      device: Device,
      encoder: VisionTransformer,
      normalization: PictureNormalization,
    ) => Promise<WrittenEncoder>
  >
> = { timm: writtenForTimm, transformers: writtenForTransformers };

/** An error about what a library's model has not. */
function unknownTo(library: string, what: string): Error {
  return new Error(`saveEncoder: ${library} has no vision transformer with ${what}. Write another format.`);
}

/** `config.json` with the arguments of timm's VisionTransformer: `timm.create_model("local-dir:FOLDER")`. */
async function writtenForTimm(
  device: Device,
  encoder: VisionTransformer,
  { mean, std }: PictureNormalization,
): Promise<WrittenEncoder> {
  const { config } = encoder;
  const { classToken, preNorm, prefixPositions, registerTokens } = config;
  if (config.relativePositionBias !== "none") throw unknownTo("timm", "a shared relative position bias");
  // timm has no entry for the class token alone where there are registers, and no bias before a norm.
  const isApart =
    prefixPositions === "none" || preNorm || (registerTokens > 0 && prefixPositions === "class");
  const state = noGrad(device, () => {
    const tensors = isApart ? withTokensApart(encoder) : encoder.stateDict();
    if (!preNorm) return tensors;
    const positions = tensors.get("pos_embed");
    if (positions === undefined) throw unknownTo("timm", "a norm before the blocks and no positions");
    tensors.set("pos_embed", add(positions, tensors.get("patch_embed.proj.bias")!));
    tensors.delete("patch_embed.proj.bias");
    return tensors;
  });
  const size = [config.channels, ...config.imageSize];
  return {
    tensors: await toHost(state),
    files: {
      "config.json": {
        // The one with the wanted epsilon; everything else is given.
        architecture: config.epsilon > 2e-6 ? "vit_base_patch16_clip_224" : "vit_base_patch16_224",
        num_classes: 0,
        num_features: config.width,
        global_pool: classToken ? "token" : "avg",
        model_args: {
          img_size: config.imageSize,
          patch_size: config.patchSize,
          in_chans: config.channels,
          embed_dim: config.width,
          depth: config.depth,
          num_heads: config.heads,
          mlp_ratio: config.mlpRatio,
          qkv_bias: config.qkvBias,
          init_values: config.layerScale,
          class_token: classToken,
          reg_tokens: registerTokens,
          no_embed_class: isApart,
          pos_embed: config.positions === "none" ? "none" : "learn",
          pre_norm: preNorm,
          final_norm: config.finalNorm,
          fc_norm: false,
          act_layer: config.activation === "gelu" ? "gelu" : "quick_gelu",
          global_pool: classToken ? "token" : "avg",
        },
        pretrained_cfg: {
          input_size: size,
          interpolation: "bicubic",
          crop_pct: 0.875,
          ...{ mean, std, num_classes: 0, first_conv: "patch_embed.proj", classifier: "head" },
        },
      },
    },
  };
}

/** How a model of transformers calls what timm calls otherwise: replaced one after the other. */
interface LibraryModel {
  readonly modelType: string;
  readonly className: string;
  /** Before all names. */
  readonly prefix: string;
  readonly names: readonly (readonly [timm: RegExp, own: string])[];
}

const embeddings = [
  [/^cls_token$/, "embeddings.cls_token"],
  [/^reg_token$/, "embeddings.register_tokens"],
  [/^pos_embed$/, "embeddings.position_embeddings"],
  [/^patch_embed\.proj\./, "embeddings.patch_embeddings.projection."],
  [/^blocks\./, "encoder.layer."],
  [/\.attn\.q\./, ".attention.attention.query."],
  [/\.attn\.k\./, ".attention.attention.key."],
  [/\.attn\.v\./, ".attention.attention.value."],
  [/\.attn\.proj\./, ".attention.output.dense."],
  [/^norm\./, "layernorm."],
] as const;

/** With a class token. */
const viT: LibraryModel = {
  ...{ modelType: "vit", className: "ViTModel", prefix: "" },
  names: [
    ...embeddings,
    [/\.norm1\./, ".layernorm_before."],
    [/\.norm2\./, ".layernorm_after."],
    [/\.mlp\.fc1\./, ".intermediate.dense."],
    [/\.mlp\.fc2\./, ".output.dense."],
  ],
};

/** With register tokens behind a class token. */
const dinov2: LibraryModel = {
  ...{ modelType: "dinov2_with_registers", className: "Dinov2WithRegistersModel", prefix: "" },
  names: [...embeddings, [/\.ls([12])\.gamma$/, ".layer_scale$1.lambda1"]],
};

/** Without a class token. */
const siglip: LibraryModel = {
  ...{ modelType: "siglip_vision_model", className: "SiglipVisionModel", prefix: "vision_model." },
  names: [
    [/^pos_embed$/, "embeddings.position_embedding.weight"],
    [/^patch_embed\.proj\./, "embeddings.patch_embedding."],
    [/^blocks\./, "encoder.layers."],
    [/\.attn\.([qkv])\./, ".self_attn.$1_proj."],
    [/\.attn\.proj\./, ".self_attn.out_proj."],
    [/\.norm([12])\./, ".layer_norm$1."],
    [/^norm\./, "post_layernorm."],
  ],
};

async function writtenForTransformers(
  device: Device,
  encoder: VisionTransformer,
  { mean, std }: PictureNormalization,
): Promise<WrittenEncoder> {
  const { config, grid } = encoder;
  const { channels, classToken, imageSize, registerTokens, width } = config;
  const [height, columns] = imageSize;
  if (config.relativePositionBias !== "none")
    throw unknownTo("transformers", "a shared relative position bias");
  if (config.preNorm) throw unknownTo("transformers", "a norm before the blocks, but CLIP's with text");
  if (!config.finalNorm) throw unknownTo("transformers", "no last norm");
  if (height !== columns) throw unknownTo("transformers", `pictures of ${height}×${columns} pixels`);
  if (registerTokens > 0 && !classToken)
    throw unknownTo("transformers", "register tokens and no class token");
  const model = registerTokens > 0 ? dinov2 : classToken ? viT : siglip;
  const state = noGrad(device, () => {
    const tensors = config.prefixPositions === "class" ? encoder.stateDict() : withTokensApart(encoder);
    const places = tensors.get("pos_embed") ?? zeros(device, [1, grid[0] * grid[1], width]);
    const isMissing = classToken && places.shape[1] === grid[0] * grid[1];
    tensors.set("pos_embed", isMissing ? concatenate([zeros(device, [1, 1, width]), places], 1) : places);
    if (model === dinov2) withScales(device, tensors, config.depth, width);
    else withoutScales(tensors);
    return tensors;
  });
  const tensors = new Map<string, HostTensor>();
  const named = (name: string, tensor: HostTensor) =>
    tensors.set(
      model.prefix + model.names.reduce((text, [found, own]) => text.replace(found, own), name),
      tensor,
    );
  for (const [name, tensor] of await toHost(state)) {
    if (name.includes(".attn.qkv.")) for (const [own, part] of partsOf(name, tensor)) named(own, part);
    else if (model === siglip && name === "pos_embed")
      named(name, { ...tensor, shape: tensor.shape.slice(1) });
    else named(name, tensor);
  }
  if (model === siglip && !config.qkvBias) {
    for (let block = 0; block < config.depth; block++) {
      for (const part of ["q", "k", "v"]) named(`blocks.${block}.attn.${part}.bias`, blank([width]));
    }
  }
  if (model === dinov2) tensors.set("embeddings.mask_token", blank([1, width]));
  const side = Math.round(height / 0.875);
  return {
    tensors,
    files: {
      "config.json": {
        architectures: [model.className],
        model_type: model.modelType,
        image_size: height,
        patch_size: config.patchSize,
        num_channels: channels,
        hidden_size: width,
        num_hidden_layers: config.depth,
        num_attention_heads: config.heads,
        intermediate_size: Math.round(width * config.mlpRatio),
        hidden_act: config.activation === "gelu" ? "gelu" : "quick_gelu",
        layer_norm_eps: config.epsilon,
        ...(model === siglip ? { vision_use_head: false } : { qkv_bias: config.qkvBias }),
        ...(model === dinov2 ? { mlp_ratio: config.mlpRatio, num_register_tokens: registerTokens } : {}),
        torch_dtype: "float32",
      },
      "preprocessor_config.json": {
        image_processor_type: "CLIPImageProcessor",
        do_convert_rgb: true,
        ...{ do_resize: true, size: { shortest_edge: side }, resample: 3 },
        ...{ do_center_crop: true, crop_size: { height, width: height } },
        ...{ do_rescale: true, rescale_factor: 1 / 255 },
        ...{ do_normalize: true, image_mean: mean, image_std: std },
      },
    },
  };
}

/** A state dict whose class and register tokens have their positions added to them, and no entry in `pos_embed`. */
function withTokensApart(encoder: VisionTransformer): Map<string, Tensor> {
  const { grid, pos_embed } = encoder;
  const tensors = encoder.stateDict();
  if (pos_embed === null) return tensors;
  const placed = pos_embed.shape[1]! - grid[0] * grid[1];
  let first = 0;
  for (const name of ["cls_token", "reg_token"]) {
    const token = tensors.get(name);
    const last = first + (token?.shape[1] ?? 0);
    if (token !== undefined && last <= placed)
      tensors.set(name, add(token, slice(pos_embed, 1, first, last)));
    first = last;
  }
  tensors.set("pos_embed", slice(pos_embed, 1, placed));
  return tensors;
}

/** LayerScale is in the weights before it. */
function withoutScales(tensors: Map<string, Tensor>): void {
  for (const [name, gamma] of [...tensors]) {
    const [, block, which] = /^(blocks\.\d+)\.ls([12])\.gamma$/.exec(name) ?? [];
    if (block === undefined) continue;
    const layer = `${block}.${which === "1" ? "attn.proj" : "mlp.fc2"}`;
    tensors.set(
      `${layer}.weight`,
      multiply(tensors.get(`${layer}.weight`)!, reshape(gamma, [gamma.size, 1])),
    );
    tensors.set(`${layer}.bias`, multiply(tensors.get(`${layer}.bias`)!, gamma));
    tensors.delete(name);
  }
}

/** LayerScale of 1 where there is none. */
function withScales(device: Device, tensors: Map<string, Tensor>, depth: number, width: number): void {
  for (let block = 0; block < depth; block++) {
    for (const which of [1, 2]) {
      const name = `blocks.${block}.ls${which}.gamma`;
      if (!tensors.has(name)) tensors.set(name, ones(device, [width]));
    }
  }
}

/** Queries, keys and values apart. */
function partsOf(name: string, { data, dtype, shape }: HostTensor): (readonly [string, HostTensor])[] {
  const size = data.length / 3;
  return ["q", "k", "v"].map((part, place) => [
    name.replace(".attn.qkv.", `.attn.${part}.`),
    {
      dtype,
      shape: [shape[0]! / 3, ...shape.slice(1)],
      data: data.slice(place * size, (place + 1) * size),
    } as HostTensor,
  ]);
}

function blank(shape: readonly number[]): HostTensor {
  return { dtype: "float32", shape, data: new Float32Array(shape.reduce((product, size) => product * size)) };
}

async function toHost(state: ReadonlyMap<string, Tensor>): Promise<Map<string, HostTensor>> {
  const entries = [...state].map(async ([name, tensor]) => [name, await tensor.toHost()] as const);
  return new Map(await Promise.all(entries));
}
