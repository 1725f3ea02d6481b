// Our side: the SplitMask step as a user's own loop writes it. Argument: the model as JSON, with `precision`,
// `threads` and perhaps `backend`.
import { noGrad, scope, uniform } from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";
import { SplitMask } from "@splitmask/methods";
import { AdamW, clipGradientNorm, parameterGroups } from "@splitmask/optim";
import { RandomProjectionTokenizer } from "@splitmask/tokenizer";
import { serve } from "../serve.mjs";

const model = JSON.parse(process.argv[2]);
const { imageSize, patchSize, width, depth, heads, decoderDepth, tokenizerPatch, vocabulary, batch } = model;
const device = createDevice({ backend: model.backend ?? "native", threads: model.threads });
const task = new SplitMask(device, {
  encoder: { imageSize, patchSize, width, depth, heads, dropPath: 0 },
  decoder: { depth: decoderDepth },
  split: { mode: model.split },
  tokenizer: new RandomProjectionTokenizer(device, {
    vocabularySize: vocabulary,
    patchSize: tokenizerPatch,
    seed: 0,
  }),
});
const parameters = [...task.model.parameters()];
const optimizer = new AdamW(parameterGroups(task.model, { weightDecay: 0.05 }), { betas: [0.9, 0.98] });
const pictures = (size, purpose) =>
  uniform(device, [batch, 3, size, size], { low: -1, high: 1, key: { seed: 0, purpose } });
const side = (imageSize / patchSize) * tokenizerPatch;
const views = [pictures(imageSize, "pictures"), pictures(side, "tokenizerPictures")];

let index = 0;
async function step() {
  const context = { training: true, seed: 0, step: index++, precision: model.precision };
  const loss = scope(device, () => {
    optimizer.zeroGrad();
    const { total } = task.loss(
      { views, labels: new Int32Array(batch), indices: new Int32Array(batch) },
      context,
    );
    total.backward();
    const { scale } = clipGradientNorm(parameters, 3);
    noGrad(device, () => optimizer.step({ learningRate: 1e-4, gradientScale: scale }));
    return total.detach();
  });
  const value = await loss.item();
  loss.dispose();
  return value;
}

await serve({
  information: {
    version: `Node.js ${process.version}`,
    parameters: parameters.reduce((sum, parameter) => sum + parameter.size, 0),
    loss: await step(),
  },
  step,
});
device.close();
