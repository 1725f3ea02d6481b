// tfjs: the SplitMask step on the backend that `backend` names: "wasm", "cpu", or "tensorflow" (tfjs-node, the native
// one). Argument: the model as JSON, with `packages`, the folder that tfjs is installed in. Gathers are products with
// one-hot matrices, because the WebAssembly backend has no kernel for their gradients; the split of the batch is fixed,
// and weight decay goes to all parameters alike.
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { serve } from "../serve.mjs";
import { blockParameters, everySecondPlace, sizesOf } from "./network.mjs";

const model = JSON.parse(process.argv[2]);
const require = createRequire(`${model.packages}/`);
const tf = require(model.backend === "tensorflow" ? "@tensorflow/tfjs-node" : "@tensorflow/tfjs");
if (model.backend === "wasm") {
  const wasm = require("@tensorflow/tfjs-backend-wasm");
  wasm.setWasmPaths(`${dirname(require.resolve("@tensorflow/tfjs-backend-wasm"))}/`);
}
await tf.setBackend(model.backend);
await tf.ready();
tf.enableProdMode();

const { imageSize, patchSize, width, depth, heads, decoderDepth, tokenizerPatch, vocabulary, batch } = model;
const { grid, places, half, rows } = sizesOf(model);

const variables = [];
const variable = (value) => {
  const made = tf.variable(value);
  variables.push(made);
  return made;
};
const normal = (shape) => variable(tf.truncatedNormal(shape, 0, 0.02));
const linearOf = (inputs, outputs) => ({
  weight: normal([inputs, outputs]),
  bias: variable(tf.zeros([outputs])),
});
const normOf = () => ({ weight: variable(tf.ones([width])), bias: variable(tf.zeros([width])) });
const blockOf = () => blockParameters(width, normOf, linearOf);

// Rows as one matrix: a product of three dimensions with a weight of two would copy the weight for each sample.
const linear = (x, { weight, bias }) =>
  tf
    .add(tf.matMul(x.reshape([-1, x.shape.at(-1)]), weight), bias)
    .reshape([...x.shape.slice(0, -1), bias.shape[0]]);

function layerNorm(x, { weight, bias }) {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const variance = tf.mean(tf.square(centred), -1, true);
  return tf.add(tf.mul(tf.mul(centred, tf.rsqrt(tf.add(variance, 1e-6))), weight), bias);
}

const gelu = (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));

function block(x, parameters) {
  const [, length] = x.shape;
  const qkv = linear(layerNorm(x, parameters.norm1), parameters.qkv);
  const [q, k, v] = tf
    .split(qkv, 3, -1)
    .map((part) => part.reshape([rows, length, heads, width / heads]).transpose([0, 2, 1, 3]));
  const scores = tf.mul(tf.matMul(q, k, false, true), Math.sqrt(heads / width));
  const attended = tf.matMul(tf.softmax(scores), v).transpose([0, 2, 1, 3]).reshape([rows, length, width]);
  const y = tf.add(x, linear(attended, parameters.proj));
  return tf.add(y, linear(gelu(linear(layerNorm(y, parameters.norm2), parameters.fc1)), parameters.fc2));
}

/**
 * Mean of −log softmax at the targets, which are one-hot; the gradient by hand, because some backends lack kernels for
 * it.
 */
const crossEntropy = tf.customGrad((logits, targets, save) => {
  const shifted = tf.sub(logits, tf.max(logits, -1, true));
  const logSum = tf.log(tf.sum(tf.exp(shifted), -1, true));
  const logProbabilities = tf.sub(shifted, logSum);
  save([logProbabilities, targets]);
  const value = tf.neg(tf.mean(tf.sum(tf.mul(logProbabilities, targets), -1)));
  const gradFunc = (dy, [saved, oneHot]) => [
    tf.mul(tf.sub(tf.exp(saved), oneHot), tf.div(dy, saved.shape[0])),
    tf.zerosLike(oneHot),
  ];
  return { value, gradFunc };
});

const patchesOf = (pixels, patch) =>
  pixels
    .reshape([batch, 3, grid, patch, grid, patch])
    .transpose([0, 2, 4, 1, 3, 5])
    .reshape([batch * places, 3 * patch ** 2]);

const net = {
  patchEmbed: linearOf(3 * patchSize ** 2, width),
  positions: normal([places, width]),
  blocks: Array.from({ length: depth }, blockOf),
  norm: normOf(),
  maskToken: normal([1, 1, width]),
  decoder: Array.from({ length: decoderDepth }, blockOf),
  decoderNorm: normOf(),
  head: linearOf(width, vocabulary),
};
const pictures = tf.randomUniform([batch, 3, imageSize, imageSize], -1, 1);
const wordPictures = tf.randomUniform([batch, 3, grid * tokenizerPatch, grid * tokenizerPatch], -1, 1);
const codebook = tf.randomUniform([vocabulary, 3 * tokenizerPatch ** 2], -1, 1);

const everySecond = (offset) => tf.tensor3d(everySecondPlace(model, offset), [rows, half, places]);
const see = everySecond(0);
const hide = everySecond(1);
const own = tf.eye(batch);

function lossOf(targets) {
  const embedded = linear(patchesOf(pictures, patchSize), net.patchEmbed).reshape([batch, places, width]);
  const tokens = tf.add(embedded, net.positions);
  let seen = tf.matMul(see, tf.concat([tokens, tokens], 0));
  for (const each of net.blocks) seen = block(seen, each);
  seen = layerNorm(seen, net.norm);
  const masks = tf.add(net.positions.expandDims(0), net.maskToken).tile([rows, 1, 1]);
  const hidden = tf.matMul(hide, tf.matMul(hide, masks), true);
  let all = tf.add(tf.matMul(see, seen, true), hidden);
  for (const each of net.decoder) all = block(all, each);
  all = layerNorm(all, net.decoderNorm);
  const logits = linear(tf.matMul(hide, all).reshape([rows * half, width]), net.head);
  const inpaint = crossEntropy(logits, targets);
  const mean = tf.mean(all, 1);
  const descriptors = tf.div(mean, tf.sqrt(tf.sum(tf.square(mean), -1, true)));
  const [first, second] = tf.split(descriptors, 2, 0);
  const similarity = tf.mul(tf.matMul(first, second, false, true), 5);
  const match = tf.add(crossEntropy(similarity, own), crossEntropy(similarity.transpose(), own));
  return tf.add(inpaint, tf.mul(match, 0.5));
}

function hiddenWords() {
  const similarity = tf.matMul(patchesOf(wordPictures, tokenizerPatch), codebook, false, true);
  const words = tf.argMax(similarity, -1).reshape([batch, places, 1]).toFloat();
  const hidden = tf.matMul(hide, tf.concat([words, words], 0));
  return tf
    .oneHot(
      tf
        .round(hidden)
        .toInt()
        .reshape([rows * half]),
      vocabulary,
    )
    .toFloat();
}

const optimizer = tf.train.adam(1e-4, 0.9, 0.98, 1e-8);
async function step() {
  const loss = tf.tidy(() => {
    const targets = hiddenWords();
    const { value, grads } = tf.variableGrads(() => lossOf(targets), variables);
    const squares = Object.values(grads).map((gradient) => tf.sum(tf.square(gradient)));
    const scale = tf.minimum(1, tf.div(3, tf.add(tf.sqrt(tf.addN(squares)), 1e-6)));
    const clipped = Object.fromEntries(
      Object.entries(grads).map(([name, gradient]) => [name, tf.mul(gradient, scale)]),
    );
    for (const each of variables) each.assign(tf.mul(each, 1 - 1e-4 * 0.05));
    optimizer.applyGradients(clipped);
    return value;
  });
  const [value] = await loss.data();
  loss.dispose();
  return value;
}

await serve({
  information: { parameters: variables.reduce((sum, { size }) => sum + size, 0), loss: await step() },
  step,
});
process.exit();
