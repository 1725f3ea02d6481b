import type { VisionTransformerConfig } from "./config.js";
import type { PictureNormalization } from "./pictureNormalization.js";

/** What the tensors of an encoder do not tell. */
export interface EncoderFacts extends Pick<VisionTransformerConfig, "activation" | "epsilon"> {
  /** How pixels in [0, 1] become what the encoder sees. */
  readonly normalization: PictureNormalization;
}

/** How a library names the tensors of a vision transformer. */
export interface EncoderNaming {
  /** Whose names these are. */
  readonly name: string;
  /** The end of the name of the patch embedding's weight; what is before it is the prefix of the whole encoder. */
  readonly patchEmbedding: string;
  /** Matches a name that has to be among the others, where the patch embedding alone does not tell it. */
  readonly mark?: RegExp;
  /** The `model_type` that a `config.json` beside the file gives such models. */
  readonly modelType?: string;
  /** Replaced one after the other in each name, without the prefix, to make it timm's. */
  readonly names: readonly (readonly [found: RegExp, timm: string])[];
  /** Names, without the prefix, of what is no part of the encoder: heads, decoders, mask tokens. */
  readonly others: RegExp;
  /** What holds where nobody says otherwise. */
  readonly facts: Required<EncoderFacts>;
}

/** How ImageNet's pictures are usually normalized. */
export const imageNetNormalization: PictureNormalization = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/** From −1 to 1: Google's ViTs, also those of "How to train your ViT" (augreg). */
const halves: PictureNormalization = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

/** OpenAI's CLIP. */
const clipNormalization: PictureNormalization = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
};

/** transformers' ViT and its relatives: names of version 4, which files have, and those of version 5's modules. */
const transformersNames: EncoderNaming["names"] = [
  [/^embeddings\.cls_token$/, "cls_token"],
  [/^embeddings\.register_tokens$/, "reg_token"],
  [/^embeddings\.position_embeddings$/, "pos_embed"],
  [/^embeddings\.patch_embeddings\.projection\./, "patch_embed.proj."],
  [/^(?:encoder\.layer|layers)\./, "blocks."],
  [/\.attention\.(?:attention\.query|q_proj)\./, ".attn.q."],
  [/\.attention\.(?:attention\.key|k_proj)\./, ".attn.k."],
  [/\.attention\.(?:attention\.value|v_proj)\./, ".attn.v."],
  [/\.attention\.(?:output\.dense|o_proj)\./, ".attn.proj."],
  [/\.layernorm_before\./, ".norm1."],
  [/\.layernorm_after\./, ".norm2."],
  [/\.intermediate\.dense\./, ".mlp.fc1."],
  [/\.output\.dense\./, ".mlp.fc2."],
  [/\.layer_scale([12])\.lambda1$/, ".ls$1.gamma"],
  [/^layernorm\./, "norm."],
];

/** The image towers of transformers' CLIP and SigLIP. */
const clipNames: EncoderNaming["names"] = [
  [/^embeddings\.class_embedding$/, "cls_token"],
  [/^embeddings\.position_embedding\.weight$/, "pos_embed"],
  [/^embeddings\.patch_embedding\./, "patch_embed.proj."],
  [/^encoder\.layers\./, "blocks."],
  [/\.self_attn\.([qkv])_proj\./, ".attn.$1."],
  [/\.self_attn\.out_proj\./, ".attn.proj."],
  [/\.layer_norm([12])\./, ".norm$1."],
  [/^pre_layrnorm\./, "norm_pre."],
  [/^post_layernorm\./, "norm."],
];

const transformers = {
  patchEmbedding: "embeddings.patch_embeddings.projection.weight",
  names: transformersNames,
  others: /^(?:embeddings\.mask_token$|pooler\.|decoder\.|classifier\.)/,
};

const timm = {
  patchEmbedding: "patch_embed.proj.weight",
  names: [
    // Facebook's DINOv2, whose training code puts blocks into chunks, and a distilled DeiT's second token.
    [/^register_tokens$/, "reg_token"],
    [/^dist_token$/, "reg_token"],
    [/^blocks\.\d+\.(\d+\.)/, "blocks.$1"],
  ],
  others: /^(?:head\.|head_dist\.|fc_norm\.|mask_token$|decoder_)/,
} as const;

/**
 * The namings that are read. The first one that fits counts: its patch embedding and its mark are there, or
 * `config.json` says so.
 */
export const encoderNamings: readonly EncoderNaming[] = [
  {
    ...{ name: "timm's CLIP", ...timm, mark: /^norm_pre\./ },
    facts: { activation: "gelu", epsilon: 1e-5, normalization: clipNormalization },
  },
  {
    ...{ name: "timm's VisionTransformer, and Facebook's DINO, DINOv2 and MAE", ...timm },
    facts: { activation: "gelu", epsilon: 1e-6, normalization: imageNetNormalization },
  },
  {
    ...{ name: "transformers' CLIPVisionModel", modelType: "clip_vision_model" },
    patchEmbedding: "embeddings.patch_embedding.weight",
    // The typing error is transformers'.
    mark: /^pre_layrnorm\./,
    names: clipNames,
    others: /^embeddings\.position_ids$/,
    facts: { activation: "quickGelu", epsilon: 1e-5, normalization: clipNormalization },
  },
  {
    // Told from CLIP by config.json alone, which also says whether its GELU is the exact one.
    ...{ name: "transformers' SiglipVisionModel", modelType: "siglip_vision_model", mark: /$^/ },
    patchEmbedding: "embeddings.patch_embedding.weight",
    names: clipNames,
    others: /^(?:embeddings\.position_ids$|head\.)/,
    facts: { activation: "gelu", epsilon: 1e-6, normalization: halves },
  },
  {
    ...{ name: "transformers' Dinov2Model and Dinov2WithRegistersModel", ...transformers },
    mark: /\.layer_scale1\.lambda1$/,
    facts: { activation: "gelu", epsilon: 1e-6, normalization: imageNetNormalization },
  },
  {
    ...{ name: "transformers' ViTMAEModel", ...transformers, modelType: "vit_mae" },
    mark: /^decoder\.decoder_pos_embed$/,
    facts: { activation: "gelu", epsilon: 1e-12, normalization: imageNetNormalization },
  },
  {
    ...{ name: "transformers' ViTModel", ...transformers },
    facts: { activation: "gelu", epsilon: 1e-12, normalization: halves },
  },
];

/** Which naming a file's names are of. */
export interface FoundNaming {
  /** The naming. */
  readonly naming: EncoderNaming;
  /** What is before all names of the encoder, e.g. `"vit."`. */
  readonly prefix: string;
}

/**
 * Tells by the names of a file which naming they are of.
 *
 * @param names All names.
 * @param modelType The `model_type` of a `config.json` beside the file, where there is one.
 * @returns null where none fits.
 * @throws Error where there are several encoders in the file.
 */
export function findNaming(names: readonly string[], modelType: string | undefined): FoundNaming | null {
  for (const naming of encoderNamings) {
    const { mark, patchEmbedding } = naming;
    const found = names.filter((name) => name === patchEmbedding || name.endsWith(`.${patchEmbedding}`));
    if (found.length > 1) {
      throw new Error(
        `there are ${found.length} encoders in it: ${found.join(", ")}. Leave one, e.g. with safetensors in Python.`,
      );
    }
    if (found.length === 0) continue;
    const prefix = found[0]!.slice(0, -patchEmbedding.length);
    // A decoder is beside the encoder, so its mark has no prefix.
    const isMarked = (name: string) =>
      mark?.test(name) || (name.startsWith(prefix) && mark?.test(name.slice(prefix.length)));
    const isSaid = modelType !== undefined && modelType === naming.modelType;
    if (mark === undefined || isSaid || names.some(isMarked)) return { naming, prefix };
  }
  return null;
}
