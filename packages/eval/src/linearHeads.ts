import {
  affine,
  concatenate,
  crossEntropy,
  gatherIntegers,
  gatherTokens,
  linear,
  noGrad,
  normal,
  permute,
  RandomStream,
  reshape,
  scope,
  slice,
  type Tensor,
  tensor,
  zeros,
} from "@splitmask/autograd";
import { cosineSchedule, LARS, type ParameterGroup, SGD } from "@splitmask/optim";
import type { LinearLayer } from "./linearClassifier.js";

/** Options of {@link trainLinearHeads}. */
export interface LinearHeadsOptions {
  /** Number of classes C. */
  readonly classes: number;
  /** One head for each: the learning rate that its cosine begins at. */
  readonly learningRates: readonly number[];
  /** `"sgd"` (default), or `"lars"` for large batches, as MAE's linear evaluation. */
  readonly optimizer?: "sgd" | "lars";
  /** Default 0.9. */
  readonly momentum?: number;
  /** Added to the gradient of weights, not of biases. Default 0. */
  readonly weightDecay?: number;
  /** How often each row is seen. Default 100. */
  readonly epochs?: number;
  /** Epochs in which the learning rate rises from 0. Default 0. */
  readonly warmupEpochs?: number;
  /** Rows a step; the last step of an epoch has what is left. Default 256. */
  readonly batchSize?: number;
  /** Seed of the first weights and of the order of the rows. Default 0. */
  readonly seed?: number;
  /** The order of the rows in an epoch, counted from 0. Default: a random one for each epoch. */
  readonly order?: (epoch: number) => Int32Array;
  /** What every head begins as. Default: weights N(0, 0.01²), biases 0. */
  readonly start?: LinearLayer;
  /** Hears of each epoch: how many of how many are done. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Linear classifiers that differ in nothing but the learning rate, trained side by side by mini-batches of cached
 * features, as in BEiT's and DINO's linear evaluations: mean cross-entropy, momentum, a cosine from the learning rate
 * to 0. A head comes out as if it were trained alone: all of them are one product, but no loss sees two.
 *
 * @param features N×D, of about unit scale.
 * @param labels int32 N.
 * @returns One layer for each learning rate: weight C×D and bias C.
 * @throws RangeError If there is no learning rate, or one is not positive.
 */
export async function trainLinearHeads(
  features: Tensor,
  labels: Tensor,
  options: LinearHeadsOptions,
): Promise<LinearLayer[]> {
  const { device } = features;
  const [rows, width] = features.shape as [number, number];
  const { classes, learningRates, seed = 0, epochs = 100, warmupEpochs = 0, onProgress } = options;
  const { optimizer: kind = "sgd", momentum = 0.9, weightDecay = 0 } = options;
  if (learningRates.length === 0 || learningRates.some((rate) => !(rate > 0))) {
    throw new RangeError(
      `trainLinearHeads: learningRates is [${learningRates.join(", ")}]; expected at least one number above 0.`,
    );
  }
  const heads = learningRates.length;
  const batchSize = Math.min(options.batchSize ?? 256, rows);
  const order =
    options.order ??
    ((epoch: number) =>
      new RandomStream({ seed, purpose: "trainLinearHeads.order", step: epoch }).permutation(rows));
  const stepsPerEpoch = Math.ceil(rows / batchSize);
  const { bias, weight } = scope(device, () => {
    const key = { seed, purpose: "trainLinearHeads.weight" };
    const { weight, bias } = options.start ?? {
      weight: normal(device, [classes, width], { standardDeviation: 0.01, key }),
      bias: zeros(device, [classes]),
    };
    const repeated = (layer: Tensor) => concatenate(new Array<Tensor>(heads).fill(layer), 0);
    return { weight: repeated(weight), bias: repeated(bias) };
  });
  // Each head's part of the two tensors is a parameter of its own, in the same memory.
  const part = (whole: Tensor, head: number) =>
    noGrad(device, () => slice(whole, 0, head * classes, (head + 1) * classes));
  const layers = learningRates.map((_, head) => ({ weight: part(weight, head), bias: part(bias, head) }));
  for (const leaf of [weight, bias, ...layers.flatMap((layer) => [layer.weight, layer.bias])])
    leaf.requiresGrad = true;
  const groups = layers.flatMap((layer, head): ParameterGroup[] =>
    (["weight", "bias"] as const).map((name) => ({
      parameters: new Map([[`${head}.${name}`, layer[name]]]),
      learningRateScale: learningRates[head]!,
      ...(name === "bias" ? { weightDecay: 0 } : {}),
    })),
  );
  const optimizer = new (kind === "lars" ? LARS : SGD)(groups, { momentum, weightDecay });
  const schedule = cosineSchedule({
    base: 1,
    totalSteps: epochs * stepsPerEpoch,
    warmupSteps: warmupEpochs * stepsPerEpoch,
  });

  const lossOf = (chosen: Tensor, count: number): Tensor => {
    const batch = reshape(gatherTokens(reshape(features, [1, rows, width]), chosen), [count, width]);
    const targets = gatherIntegers(reshape(labels, [1, rows]), chosen);
    const logits = reshape(linear(batch, weight, bias), [count, heads, classes]);
    const byHead = reshape(permute(logits, [1, 0, 2]), [heads * count, classes]);
    const repeated = reshape(concatenate(new Array<Tensor>(heads).fill(targets), 0), [heads * count]);
    return affine(crossEntropy(byHead, repeated, { reduction: "sum" }), 1 / count, 0);
  };
  for (let epoch = 0; epoch < epochs; epoch++) {
    const rowsInOrder = order(epoch);
    for (let start = 0; start < rows; start += batchSize) {
      const chosen = rowsInOrder.slice(start, start + batchSize);
      scope(device, () => {
        lossOf(tensor(device, chosen, [1, chosen.length]), chosen.length).backward();
        for (const [head, layer] of layers.entries()) {
          layer.weight.grad = part(weight.grad!, head);
          layer.bias.grad = part(bias.grad!, head);
        }
        optimizer.step({ learningRate: schedule(optimizer.steps) });
        optimizer.zeroGrad();
        for (const leaf of [weight, bias]) {
          leaf.grad!.dispose();
          leaf.grad = null;
        }
      });
    }
    await device.synchronize();
    onProgress?.(epoch + 1, epochs);
  }
  for (const state of optimizer.stateDict().tensors.values()) state.dispose();
  weight.dispose();
  bias.dispose();
  for (const layer of layers) {
    layer.weight.requiresGrad = false;
    layer.bias.requiresGrad = false;
  }
  return layers;
}
