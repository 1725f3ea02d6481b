// jax-js on its WebAssembly backend: the SplitMask step, jitted whole. Argument: the model as JSON, with `threads` and
// `packages`, the folder that jax-js is installed in. Gathers have no gradient there and are products with one-hot
// matrices, the cheaper of what its API allows; the split of the batch is fixed.
import { serve } from "../serve.mjs";
import { importJax } from "./importJax.mjs";
import { blockParameters, everySecondPlace, sizesOf } from "./network.mjs";

const model = JSON.parse(process.argv[2]);

const { blockUntilReady, jit, nn, numpy: np, random, tree, valueAndGrad } = await importJax(model);

const { imageSize, patchSize, width, depth, heads, decoderDepth, tokenizerPatch, vocabulary, batch } = model;
const { grid, places, half, rows } = sizesOf(model);

let seed = 0;
const normal = (shape) => random.normal(random.key(seed++), shape).mul(0.02);
const linearOf = (inputs, outputs) => ({ weight: normal([inputs, outputs]), bias: np.zeros([outputs]) });
const normOf = () => ({ weight: np.ones([width]), bias: np.zeros([width]) });
const blockOf = () => blockParameters(width, normOf, linearOf);

// An array that is handed to a function is gone, unless `.ref` is.
const linear = (x, { weight, bias }) => np.matmul(x, weight).add(bias);
const layerNorm = (x, { weight, bias }) => nn.standardize(x, -1, { epsilon: 1e-6 }).mul(weight).add(bias);

function block(x, parameters, length) {
  const qkv = linear(layerNorm(x.ref, parameters.norm1), parameters.qkv);
  // nn.dotProductAttention needs iterator helpers, which Node.js 20 does not have.
  const [q, k, v] = np
    .split(qkv, 3, -1)
    .map((part) => part.reshape([rows, length, heads, width / heads]).transpose([0, 2, 1, 3]));
  const scores = np.matmul(q, k.transpose([0, 1, 3, 2])).mul(Math.sqrt(heads / width));
  const attended = np
    .matmul(nn.softmax(scores, -1), v)
    .transpose([0, 2, 1, 3])
    .reshape([rows, length, width]);
  const y = x.add(linear(attended, parameters.proj));
  const hidden = nn.gelu(linear(layerNorm(y.ref, parameters.norm2), parameters.fc1), { approximate: false });
  return y.add(linear(hidden, parameters.fc2));
}

/** −log softmax at the targets, which are one-hot. */
const crossEntropy = (logits, targets) => nn.logSoftmax(logits, -1).mul(targets).sum(-1).mean().mul(-1);

const patchesOf = (pixels, patch) =>
  pixels
    .reshape([batch, 3, grid, patch, grid, patch])
    .transpose([0, 2, 4, 1, 3, 5])
    .reshape([batch, places, 3 * patch ** 2]);

const transposed = (x) => x.transpose([0, 2, 1]);

/** `see` and `hide`: one-hot 2B×N/2×N; words: int32 B·N in the order of hidden places. */
function lossOf(parameters, pictures, words, see, hide) {
  const embedded = linear(patchesOf(pictures, patchSize), parameters.patchEmbed).add(
    parameters.positions.ref,
  );
  let tokens = np.matmul(see.ref, np.concatenate([embedded.ref, embedded], 0));
  for (const each of parameters.blocks) tokens = block(tokens, each, half);
  tokens = layerNorm(tokens, parameters.norm);
  const masks = np.matmul(hide.ref, parameters.positions).add(parameters.maskToken);
  let all = np.matmul(transposed(see), tokens).add(np.matmul(transposed(hide.ref), masks));
  for (const each of parameters.decoder) all = block(all, each, places);
  all = layerNorm(all, parameters.decoderNorm);
  const logits = linear(np.matmul(hide, all.ref).reshape([rows * half, width]), parameters.head);
  const inpaint = crossEntropy(logits, nn.oneHot(words, vocabulary));
  const mean = all.mean(1);
  const descriptors = mean.ref.div(np.sqrt(np.square(mean).sum(-1, { keepdims: true })));
  const [first, second] = np.split(descriptors, 2, 0);
  const similarity = np.matmul(first, second.transpose([1, 0])).mul(5);
  const own = np.eye(batch);
  const match = crossEntropy(similarity.ref, own.ref).add(crossEntropy(similarity.transpose([1, 0]), own));
  return inpaint.add(match.mul(0.5));
}

const tokenize = (pixels, codebook) =>
  np.argmax(np.matmul(patchesOf(pixels, tokenizerPatch), codebook.transpose([1, 0])), -1);

const [beta1, beta2] = [0.9, 0.98];
/** One step of everything. `time`: how many steps were done, plus one. Weight decay goes to all parameters alike. */
const train = jit((parameters, first, second, time, pictures, wordPictures, codebook, see, hide) => {
  const words = tokenize(wordPictures, codebook);
  const both = np.concatenate([words.ref, words], 0).astype(np.float32).reshape([rows, places, 1]);
  const hiddenWords = np
    .matmul(hide.ref, both)
    .reshape([rows * half])
    .add(0.5)
    .astype(np.int32);
  const [loss, gradients] = valueAndGrad(lossOf)(tree.ref(parameters), pictures, hiddenWords, see, hide);
  const squares = tree.leaves(tree.ref(gradients)).map((gradient) => np.square(gradient).sum());
  const norm = np.sqrt(squares.reduce((a, b) => a.add(b)));
  const scale = np.minimum(np.array(3).div(norm.add(1e-6)), 1);
  const clipped = tree.map((gradient) => gradient.mul(scale.ref), gradients);
  scale.dispose();
  const newFirst = tree.map((m, g) => m.mul(beta1).add(g.mul(1 - beta1)), first, tree.ref(clipped));
  const newSecond = tree.map((v, g) => v.mul(beta2).add(np.square(g).mul(1 - beta2)), second, clipped);
  const correction1 = np.array(1).sub(np.exp(time.ref.mul(Math.log(beta1))));
  const correction2 = np.array(1).sub(np.exp(time.mul(Math.log(beta2))));
  const newParameters = tree.map(
    (p, m, v) =>
      p.mul(1 - 1e-4 * 0.05).sub(
        m
          .div(correction1.ref)
          .mul(1e-4)
          .div(np.sqrt(v.div(correction2.ref)).add(1e-8)),
      ),
    parameters,
    tree.ref(newFirst),
    tree.ref(newSecond),
  );
  correction1.dispose();
  correction2.dispose();
  return [loss, newParameters, newFirst, newSecond];
});

let parameters = {
  patchEmbed: linearOf(3 * patchSize ** 2, width),
  positions: normal([1, places, width]),
  blocks: Array.from({ length: depth }, blockOf),
  norm: normOf(),
  maskToken: normal([1, 1, width]),
  decoder: Array.from({ length: decoderDepth }, blockOf),
  decoderNorm: normOf(),
  head: linearOf(width, vocabulary),
};
const zerosLike = () => tree.map((parameter) => np.zeros(parameter.shape), parameters);
let first = zerosLike();
let second = zerosLike();
const uniform = (shape) => random.uniform(random.key(seed++), shape, { minval: -1, maxval: 1 });
const pictures = uniform([batch, 3, imageSize, imageSize]);
const wordPictures = uniform([batch, 3, grid * tokenizerPatch, grid * tokenizerPatch]);
// Words of unit length would need another line; the argmax of random words costs the same.
const codebook = uniform([vocabulary, 3 * tokenizerPatch ** 2]);

const everySecond = (offset) => np.array(everySecondPlace(model, offset)).reshape([rows, half, places]);
const see = everySecond(0);
const hide = everySecond(1);

let steps = 0;
async function step() {
  const [loss, ...next] = train(
    parameters,
    first,
    second,
    np.array(++steps),
    pictures.ref,
    wordPictures.ref,
    codebook.ref,
    see.ref,
    hide.ref,
  );
  [parameters, first, second] = next;
  await blockUntilReady(parameters);
  return (await loss.data())[0];
}

await serve({
  information: {
    parameters: tree.leaves(parameters).reduce((sum, { size }) => sum + size, 0),
    loss: await step(),
  },
  step,
});
process.exit();
