import type { HostTensor } from "@splitmask/autograd";
import {
  type ResolvedVisionTransformerConfig,
  resolveVisionTransformerConfig,
  type VisionTransformerConfig,
} from "./config.js";

/** What has to be known besides the tensors; image size and heads only where the rules for them fail. */
export interface ShapeFacts
  extends Required<Pick<VisionTransformerConfig, "activation" | "epsilon">>,
    Partial<Pick<VisionTransformerConfig, "imageSize" | "heads">> {}

/** Widths of models whose heads are not 64 wide: ViT-H and ViT-g. */
const headsOfWidth: Readonly<Record<number, number>> = { 1280: 16, 1408: 16 };

/**
 * The config of an encoder whose tensors have timm's names and shapes.
 *
 * @param fail Throws an error about the file.
 */
export function shapeOf(
  tensors: ReadonlyMap<string, HostTensor>,
  facts: ShapeFacts,
  fail: (problem: string) => never,
): ResolvedVisionTransformerConfig {
  const shape = (name: string) => tensors.get(name)?.shape ?? fail(`has no ${name}`);
  const patches = shape("patch_embed.proj.weight");
  const [width = 0, channels = 0, patchSize = 0, patchWidth] = patches;
  if (patches.length !== 4 || patchSize !== patchWidth)
    fail(`has patch_embed.proj.weight ${patches.join("×")}; expected D×C×P×P`);
  const depth = new Set([...tensors.keys()].flatMap((name) => /^blocks\.(\d+)\./.exec(name)?.[1] ?? [])).size;
  const [hidden = 0] = shape("blocks.0.mlp.fc1.weight");
  const [, seen] = shape("blocks.0.mlp.fc2.weight");
  if (seen !== hidden)
    fail(`has gated MLPs (fc1 gives ${hidden} numbers, fc2 takes ${seen}); expected ungated ones`);
  const heads = facts.heads ?? headsOfWidth[width] ?? width / 64;
  if (!Number.isInteger(heads))
    fail(`does not tell its heads: width ${width} is no multiple of 64. Give { heads }`);
  const classToken = tensors.has("cls_token");
  const registerTokens = tensors.get("reg_token")?.shape[1] ?? 0;
  return resolveVisionTransformerConfig({
    ...placesOf(tensors.get("pos_embed"), { classToken, registerTokens, patchSize }, facts.imageSize, fail),
    ...{ patchSize, width, depth, heads, channels, classToken, registerTokens },
    mlpRatio: hidden / width,
    preNorm: tensors.has("norm_pre.weight"),
    finalNorm: tensors.has("norm.weight"),
    qkvBias: tensors.has("blocks.0.attn.qkv.bias"),
    // Only where training begins; the tensors say what it is.
    layerScale: tensors.has("blocks.0.ls1.gamma") ? 1 : null,
    ...{ activation: facts.activation, epsilon: facts.epsilon },
  });
}

/** Picture size and positions. */
function placesOf(
  positions: HostTensor | undefined,
  {
    classToken,
    patchSize,
    registerTokens,
  }: Readonly<{ classToken: boolean; registerTokens: number; patchSize: number }>,
  given: VisionTransformerConfig["imageSize"] | undefined,
  fail: (problem: string) => never,
): Pick<VisionTransformerConfig, "imageSize" | "positions" | "prefixPositions"> {
  if (positions === undefined) {
    return given === undefined
      ? fail("has no positions, which would tell the picture size. Give { imageSize }")
      : { imageSize: given, positions: "none" };
  }
  const entries = positions.shape[1] ?? 0;
  const classTokens = classToken ? 1 : 0;
  // With registers first without them, as all known models are but the distilled DeiT.
  const prefixes = {
    ...(registerTokens > 0 ? { none: 0, class: classTokens } : { class: classTokens, none: 0 }),
    all: classTokens + registerTokens,
  } as const;
  const [height, width] = typeof given === "number" ? [given, given] : (given ?? []);
  const grid = height === undefined ? null : [height / patchSize, width! / patchSize];
  for (const [prefixPositions, prefix] of Object.entries(prefixes)) {
    const patches = entries - prefix;
    const side = Math.sqrt(patches);
    const fits = { prefixPositions: prefixPositions as keyof typeof prefixes };
    if (grid !== null && grid[0]! * grid[1]! === patches) return { ...fits, imageSize: given! };
    if (grid === null && Number.isInteger(side)) return { ...fits, imageSize: side * patchSize };
  }
  return grid === null
    ? fail(`has ${entries} positions, which are no square grid. Give { imageSize: [height, width] }`)
    : fail(
        `has ${entries} positions, which are not those of ${height}×${width} pixels. Give another imageSize`,
      );
}
