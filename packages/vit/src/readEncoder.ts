import { type HostTensor, readSafetensors } from "@splitmask/autograd";
import { join } from "#platform";
import { type BesideFiles, readBesideFiles } from "./besideFiles.js";
import {
  type ResolvedVisionTransformerConfig,
  resolveVisionTransformerConfig,
  type VisionTransformerConfig,
} from "./config.js";
import { type EncoderFacts, encoderNamings, findNaming } from "./encoderNamings.js";
import { shapeOf } from "./encoderShape.js";
import { isNormalization, type PictureNormalization } from "./pictureNormalization.js";

/** Name of the encoder's file in a finished run folder. */
export const encoderFileName = "encoder.safetensors";

/** Name of the weights' file in a folder that timm or transformers wrote. */
export const modelFileName = "model.safetensors";

/**
 * What a file of another library does not say, where neither the files beside it nor the rules of `readEncoder` get it
 * right.
 */
export interface ReadEncoderOptions
  extends Partial<EncoderFacts>,
    Partial<Pick<VisionTransformerConfig, "heads" | "imageSize">> {}

/** An encoder as a file has it. */
export interface EncoderFile {
  /** The file that was read. */
  readonly path: string;
  /** Whose names the file has. */
  readonly naming: string;
  /** The encoder's shape. */
  readonly config: ResolvedVisionTransformerConfig;
  /** How its pictures are normalized. */
  readonly normalization: PictureNormalization;
  /** Its weights by timm's names, for `VisionTransformer.loadStateDict`. */
  readonly tensors: ReadonlyMap<string, HostTensor>;
}

/**
 * Reads an encoder's weights, whatever names they have: those that `saveEncoder` writes; timm's vision transformers
 * (DeiT, augreg, MAE, DINO, DINOv2 with registers, CLIP); Facebook's own files of DINO, DINOv2 and MAE; transformers'
 * `ViTModel`, `ViTMAEModel`, `Dinov2Model`, `Dinov2WithRegistersModel` and `CLIPVisionModel`, also as part of a larger
 * model. Heads, decoders, poolers and mask tokens are left out.
 *
 * The shape is read from the tensors. What they do not tell is as the options say, else as a `config.json` or
 * `preprocessor_config.json` beside the file, else: heads are 64 wide (16 heads for the widths 1280 and 1408); the
 * picture is a square; pixels are normalized by ImageNet's mean and deviation, for CLIP by its own, for transformers'
 * `ViTModel` by 0.5 and 0.5 (as timm's augreg models need too); layer norms have the epsilon of the library's model;
 * MLPs have an exact GELU, transformers' CLIP the quick one.
 *
 * @param path A `.safetensors` file, or a folder: a finished run, or one with transformers' or timm's
 *   `model.safetensors`.
 * @param options What is otherwise.
 * @throws Error (rejects) If there is no such file, its names fit no known model, or a `VisionTransformer` cannot be
 *   that model.
 */
export async function readEncoder(path: string, options: ReadEncoderOptions = {}): Promise<EncoderFile> {
  const folder = path.endsWith(".safetensors") ? path.replace(/[^/\\]*$/, "") || "." : path;
  const { file, metadata, tensors } = await readFirst(
    path === folder ? [join(folder, encoderFileName), join(folder, modelFileName)] : [path],
  );
  if (metadata.config !== undefined || metadata.normalization !== undefined)
    return { path: file, naming: "saveEncoder's", tensors, ...ownFacts(file, metadata) };
  return { path: file, ...named(file, tensors, { ...(await readBesideFiles(folder)), ...options }) };
}

/** The first file that is there. */
async function readFirst(files: readonly string[]) {
  for (const file of files) {
    try {
      return { file, ...(await readSafetensors(file)) };
    } catch (error) {
      if ((error as { code?: string }).code !== "ENOENT") throw error;
    }
  }
  throw new Error(
    `readEncoder: there is no ${files.join(" and no ")}. Give a run folder whose pre-training has ended, a ` +
      ".safetensors file, or a folder with one of timm or transformers.",
  );
}

/** An encoder in the names of another library. */
function named(
  file: string,
  given: ReadonlyMap<string, HostTensor>,
  known: ReadEncoderOptions & Pick<BesideFiles, "modelType">,
): Omit<EncoderFile, "path"> {
  const fail = (problem: string): never => {
    throw new Error(`readEncoder: ${file} ${problem}.`);
  };
  const names = [...given.keys()];
  const found = findNaming(names, known.modelType);
  if (found === null) {
    return fail(
      `holds ${names.length} tensors (${names.slice(0, 4).join(", ")} …), of no vision transformer that is known. ` +
        `Expected one of these patch embeddings, with any prefix: ${[
          ...new Set(encoderNamings.map(({ patchEmbedding }) => patchEmbedding)),
        ].join(", ")}`,
    );
  }
  const { naming, prefix } = found;
  const tensors = new Map<string, HostTensor>();
  const unknown: string[] = [];
  for (const [name, tensor] of given) {
    if (!name.startsWith(prefix)) continue;
    const own = name.slice(prefix.length);
    if (naming.others.test(own)) continue;
    const timm = naming.names.reduce((text, [pattern, by]) => text.replace(pattern, by), own);
    if (encoderNames.test(timm)) tensors.set(timm, asPlaced(timm, tensor));
    else unknown.push(name);
  }
  if (unknown.length > 0) {
    fail(
      `has the names of ${naming.name}, but also ${unknown.length} that a VisionTransformer has no place for: ` +
        `${unknown.slice(0, 4).join(", ")}${unknown.length > 4 ? " …" : ""}`,
    );
  }
  joinQueries(tensors, fail);
  const projection = tensors.get("patch_embed.proj.weight")!;
  // CLIP's has none.
  if (!tensors.has("patch_embed.proj.bias"))
    tensors.set("patch_embed.proj.bias", vector(new Float32Array(projection.shape[0]!)));
  const { activation, epsilon, normalization } = { ...naming.facts, ...known };
  const config = shapeOf(tensors, { ...known, activation, epsilon }, fail);
  return { naming: naming.name, config, normalization, tensors };
}

const vector = (data: Float32Array<ArrayBuffer>): HostTensor => ({
  dtype: "float32",
  shape: [data.length],
  data,
});

/** The names that a `VisionTransformer` has, those of queries, keys and values apart too. */
const encoderNames = new RegExp(
  "^(?:cls_token|reg_token|pos_embed|(?:patch_embed\\.proj|norm_pre|norm)\\.(?:weight|bias)|blocks\\.\\d+\\." +
    "(?:ls[12]\\.gamma|(?:norm[12]|attn\\.(?:qkv|q|k|v|proj)|mlp\\.fc[12])\\.(?:weight|bias)))$",
);

/** With the leading axes of timm's: tokens and positions are 1×N×D. */
function asPlaced(name: string, tensor: HostTensor): HostTensor {
  if (!["cls_token", "reg_token", "pos_embed"].includes(name) || tensor.shape.length > 2) return tensor;
  return { ...tensor, shape: [...[1, 1, 1].slice(tensor.shape.length), ...tensor.shape] };
}

/** Puts queries, keys and values that are apart together. */
function joinQueries(tensors: Map<string, HostTensor>, fail: (problem: string) => never): void {
  for (const name of [...tensors.keys()].filter((key) => key.includes(".attn.q."))) {
    const parts = ["q", "k", "v"].map((part) => {
      const own = name.replace(".attn.q.", `.attn.${part}.`);
      const tensor = tensors.get(own) ?? fail(`has queries, but no ${own}`);
      tensors.delete(own);
      return tensor;
    });
    const [{ shape }] = parts as [HostTensor, ...HostTensor[]];
    const size = parts[0]!.data.length;
    const data = new Float32Array(3 * size);
    for (const [part, tensor] of parts.entries()) data.set(tensor.data as Float32Array, part * size);
    tensors.set(name.replace(".attn.q.", ".attn.qkv."), {
      dtype: "float32",
      shape: [3 * shape[0]!, ...shape.slice(1)],
      data,
    });
  }
}

/** What `saveEncoder` wrote as metadata. */
function ownFacts(
  file: string,
  metadata: Readonly<Record<string, string>>,
): Pick<EncoderFile, "config" | "normalization"> {
  const config = parsed(file, metadata, "config") as unknown as VisionTransformerConfig;
  const normalization = parsed(file, metadata, "normalization");
  const channels = config.channels ?? 3;
  if (!isNormalization(normalization, channels)) {
    throw new Error(
      `readEncoder: the normalization of ${file} is ${metadata.normalization}; ` +
        `expected mean and std with ${channels} numbers each, those of std above 0.`,
    );
  }
  const { mean, std } = normalization;
  return { config: resolveVisionTransformerConfig(config), normalization: { mean, std } };
}

/** A part of the metadata, which has to be an object as JSON. */
function parsed(
  file: string,
  metadata: Readonly<Record<string, string>>,
  name: "config" | "normalization",
): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(metadata[name]!);
    if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // Told below.
  }
  throw new Error(
    `readEncoder: the metadata of ${file} has ${name} ${metadata[name] ?? "missing"}; expected an object as JSON, as ` +
      "saveEncoder writes it.",
  );
}
