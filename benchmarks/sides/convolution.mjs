// Our side of a convolution with ReLU: one step is its forward and its backward pass, with every gradient. Argument:
// the settings of convolutionComparisons.mjs as JSON.
import { conv2d, convTranspose2d, scope, uniform } from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";
import { serve } from "../serve.mjs";

const settings = JSON.parse(process.argv[2]);
const {
  batch,
  channels,
  height,
  width,
  outputChannels,
  kernel,
  stride,
  padding,
  transposed,
  ofPictures,
  threads,
} = settings;
const device = createDevice({ threads });
const numbers = (shape, purpose) => uniform(device, shape, { key: { seed: 0, purpose } });

const ofWeight = transposed ? [channels, outputChannels] : [outputChannels, channels];
const leaves = [
  numbers([batch, channels, height, width], "input"),
  numbers([...ofWeight, kernel, kernel], "weight"),
  numbers([outputChannels], "bias"),
];
for (const leaf of leaves) leaf.requiresGrad = leaf !== leaves[0] || !ofPictures;
const convolve = () =>
  (transposed ? convTranspose2d : conv2d)(...leaves, { stride, padding, activation: "relu" });
const gradient = numbers(
  scope(device, () => convolve().shape),
  "gradient",
);

async function step() {
  for (const leaf of leaves) leaf.grad = null;
  scope(device, () => convolve().backward(gradient));
  await device.synchronize();
}

await step();
await serve({ information: {}, step });
device.close();
