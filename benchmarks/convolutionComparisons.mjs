// Convolutions with all of their gradients beside PyTorch's and beside the limit.
import { nodeSide, torchSide } from "./starts.mjs";

const convolution = (channels, size, outputChannels, kernel, stride = 1, transposed = false) => ({
  ...{ batch: 16, channels, height: size, width: size, outputChannels, kernel, stride, transposed },
  ...{ padding: Math.floor((kernel - 1) / 2), ofPictures: false },
});

/** Layers of a discrete VAE. The first one's input are pictures, which need no gradient. */
const layers = [
  { ...convolution(3, 64, 64, 7), ofPictures: true },
  convolution(64, 64, 64, 3),
  convolution(128, 32, 128, 3),
  convolution(256, 16, 256, 3),
  convolution(64, 64, 128, 4, 2),
  convolution(128, 32, 64, 4, 2, true),
  convolution(256, 8, 8192, 1),
];
const layouts = { contiguous_format: "PyTorch", channels_last: "PyTorch, channels last" };

/** Forward one product, and backward one each for the gradients of the input and of the weight. */
function operationsOf({ batch, channels, height, outputChannels, kernel, stride, transposed, ofPictures }) {
  const places = batch * (transposed ? height : height / stride) ** 2;
  return (ofPictures ? 2 : 3) * 2 * places * channels * outputChannels * kernel ** 2;
}

function workOf({ batch, channels, height, outputChannels, kernel, stride, transposed }) {
  const name = transposed ? "transposed convolution" : "convolution";
  const strided = stride > 1 ? `, stride ${stride}` : "";
  const input = [batch, channels, height, height].join("×");
  return `${name} and its gradients, ${input} to ${outputChannels}, ${kernel}×${kernel}${strided}`;
}

/** @param {number} threads */
export function convolutionComparisons(threads) {
  return layers.map((layer) => {
    const work = workOf(layer);
    const limit = "the limit of float32";
    const operations = operationsOf(layer);
    return {
      work,
      against: [...Object.values(layouts), limit],
      async run(measure) {
        const script = "../tools/reference/bench_convolution.py";
        const ofLayout = (layout) => ({ start: torchSide(script, { ...layer, layout, threads }, true) });
        const results = await measure({
          ours: { start: nodeSide("sides/convolution.mjs", { ...layer, threads }) },
          ...Object.fromEntries(Object.keys(layouts).map((layout) => [layout, ofLayout(layout)])),
          limit: { start: nodeSide("sides/limit.mjs", { operations, precision: "float32", threads }) },
        });
        const speed = ({ seconds }) => (seconds === null ? null : operations / seconds / 1e9);
        const row = (name, against, target) => ({
          ...{ work, against, target, unit: "GFLOP/s" },
          ...{ ours: speed(results.ours), theirs: speed(results[name]) },
          note: results.ours.note ?? results[name].note,
        });
        return [
          ...Object.entries(layouts).map(([layout, name]) => row(layout, name, 1)),
          row("limit", limit, 0.5),
        ];
      },
    };
  });
}
