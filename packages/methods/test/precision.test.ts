import { type ProductPrecision, scope, type Tensor, zeros } from "@splitmask/autograd";
import { createDevice, type Device, productPrecisions } from "@splitmask/kernels";
import { Beit, SplitMask } from "@splitmask/methods";
import { RandomProjectionTokenizer } from "@splitmask/tokenizer";

const device = createDevice({ backend: "dry" });
afterAll(() => device.close());

const encoder = { imageSize: 16, patchSize: 4, width: 8, depth: 1, heads: 2 };
const tokenizer = new RandomProjectionTokenizer(device, { vocabularySize: 16, patchSize: 4 });
const precisions: readonly ProductPrecision[] = ["float32", "bfloat16"];

test.each([
  ["SplitMask", (on: Device) => new SplitMask(on, { encoder, tokenizer })],
  ["BEiT", (on: Device) => new Beit(on, { encoder, tokenizer })],
] as const)(
  "%s finds words, given and predicted ones, in the precision of the context",
  async (_, create) => {
    const task = create(device);
    const view: Tensor = zeros(device, [2, 3, 16, 16]);
    const batch = { views: [view, view], labels: new Int32Array(2), indices: new Int32Array(2) };
    for (const precision of precisions) {
      const context = { training: false, seed: 0, step: 0, precision };
      device.startProfile();
      scope(device, () => {
        task.loss(batch, context); // the tokenizer's
        task.health(batch, context); // the tokenizer's and the head's, here and below
        task.predictWords(batch, context);
      });
      const { calls } = await device.stopProfile();
      const found = calls.flatMap((call) =>
        call.kind === "kernel" && call.kernel === "gemmArgmax" ? [call.numbers.precision] : [],
      );
      expect(found).toEqual(Array(5).fill(productPrecisions[precision]));
    }
  },
);
