// Our side of attention: one step is its forward and its backward pass. Argument: { batch, tokens, heads, headWidth,
// precision, threads } as JSON.
import { empty, uniform } from "@splitmask/autograd";
import { createDevice, productPrecisions } from "@splitmask/kernels";
import { serve } from "../serve.mjs";

const { batch, tokens, heads, headWidth, precision, threads } = JSON.parse(process.argv[2]);
const device = createDevice({ threads });
const numbers = (parts, purpose) =>
  uniform(device, [batch, tokens, parts * heads * headWidth], { key: { seed: 0, purpose } });

const qkv = numbers(3, "qkv");
const [output, outputGradient, qkvGradient] = [
  numbers(1, "output"),
  numbers(1, "gradient"),
  numbers(3, "qkv"),
];
const logSumExp = empty(device, [batch, heads, tokens], "float32");
const settings = {
  ...{ batch, tokens, heads, headWidth, scale: headWidth ** -0.5 },
  precision: productPrecisions[precision],
};

async function step() {
  device.run("attention", "float32", { output, logSumExp, qkv, ...settings });
  device.run("attentionBackward", "float32", { qkvGradient, outputGradient, qkv, logSumExp, ...settings });
  await device.synchronize();
}

await step();
await serve({ information: {}, step });
device.close();
