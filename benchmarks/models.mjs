// The models of the table, and how many operations one step of them takes, counted on paper.

/**
 * What a step is made of; every side gets the same.
 * @typedef {object} Model
 * @property {string} name As the table calls it.
 * @property {number} imageSize Side of the encoder's view in pixels.
 * @property {number} patchSize Side of its patches.
 * @property {number} width
 * @property {number} depth Blocks of the encoder.
 * @property {number} heads
 * @property {number} decoderDepth Blocks of the decoder.
 * @property {number} tokenizerPatch Side of the tokenizer's patches; its view has grid × tokenizerPatch pixels.
 * @property {number} vocabulary
 * @property {number} batch Pictures in a step.
 * @property {"block" | "uniform"} split
 */

const common = { depth: 12, decoderDepth: 2, tokenizerPatch: 8, vocabulary: 8192, split: "block" };
const tiny = { ...common, width: 192, heads: 3 };
const small = { ...common, width: 384, heads: 6 };

/** @type {Model} */
export const tiny16 = { ...tiny, name: "ViT-Ti/16 at 224", imageSize: 224, patchSize: 16, batch: 32 };
/** @type {Model} */
export const small16 = { ...small, name: "ViT-S/16 at 224", imageSize: 224, patchSize: 16, batch: 16 };
/** @type {Model} The tokenizer sees the 8×8 grid at its own 8×8 patches, 64 pixels. */
export const tiny4 = { ...tiny, name: "ViT-Ti/4 at 32", imageSize: 32, patchSize: 4, batch: 128 };
/** @type {Model} What most people train: small pictures, some thousand of them. */
export const narrow8 = {
  ...common,
  ...{ name: "width 128, depth 6, patches of 8 at 64", width: 128, depth: 6, heads: 4 },
  ...{ imageSize: 64, patchSize: 8, batch: 128 },
};
/** @type {Model} What small pictures are trained with. */
export const tiny8 = { ...tiny, name: "ViT-Ti/8 at 64", imageSize: 64, patchSize: 8, batch: 64 };

/**
 * Operations (a multiply-add counts two) of the products and the attention of one step. Backward is twice forward: a
 * gradient for the input and one for the weight; what an implementation computes again (attention's scores, the logits)
 * is not counted. The first layer has no gradient for its input, the tokenizer none at all.
 *
 * @param {Model} model
 */
export function stepOperations(model) {
  const { imageSize, patchSize, width, depth, decoderDepth, tokenizerPatch, vocabulary, batch } = model;
  const places = (imageSize / patchSize) ** 2;
  const visible = Math.floor(places / 2);
  const hidden = places - visible;
  const branches = 2 * batch;
  // qkv 3·D², projection D², both layers of the MLP 4·D² each; scores and weighted sum length·D each.
  const block = (length) => 2 * branches * length * (12 * width ** 2 + 2 * length * width);
  const tokenizing = 2 * batch * places * 3 * tokenizerPatch ** 2 * vocabulary;
  const embedding = 2 * branches * visible * 3 * patchSize ** 2 * width;
  const head = 2 * branches * hidden * width * vocabulary;
  const matching = 2 * 2 * batch ** 2 * width;
  const trained = depth * block(visible) + decoderDepth * block(places) + head + matching;
  return tokenizing + 2 * embedding + 3 * trained;
}

/** How many parameters encoder, decoder and vocabulary head have; every side must have as many. @param {Model} model */
export function parameterCount(model) {
  const { imageSize, patchSize, width, depth, decoderDepth, vocabulary } = model;
  const places = (imageSize / patchSize) ** 2;
  const block = 12 * width ** 2 + 13 * width;
  const encoder = 3 * patchSize ** 2 * width + width + places * width + depth * block + 2 * width;
  const decoder = width + decoderDepth * block + 2 * width + width * vocabulary + vocabulary;
  return encoder + decoder;
}
