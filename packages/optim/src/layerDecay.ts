/** Positions, tokens and patch embedding of a vision transformer, alone or as an `encoder` within a larger module. */
const embedding =
  /^(?:(?:\w+\.)*encoder\.)?(?:patch_embed\.|(?:cls_token|mask_token|dist_token|reg_token|pos_embed)$)/;
const block = /^(?:(?:\w+\.)*encoder\.)?blocks\.(\d+)\./;

/**
 * The layer of each parameter of a vision transformer, as BEiT counts them for its learning rates: patch embedding,
 * positions and tokens are layer 0, block i is layer i + 1, and all that comes after the blocks (last norm, head) is
 * layer depth + 1. timm counts the same way, but for the last norm, which it puts with the last block.
 *
 * @param names Dotted names as timm's, perhaps under `encoder.` or, say, `student.encoder.`; names that belong to no
 * block and no embedding count as what comes after the blocks.
 * @returns The layer by name.
 */
export function transformerLayers(names: Iterable<string>): Map<string, number> {
  const found = [...names].map((name) => {
    const index = block.exec(name)?.[1];
    return [name, index !== undefined ? Number(index) + 1 : embedding.test(name) ? 0 : null] as const;
  });
  const last = found.reduce((deepest, [, layer]) => Math.max(deepest, layer ?? 0), 0) + 1;
  return new Map(found.map(([name, layer]) => [name, layer ?? last]));
}
