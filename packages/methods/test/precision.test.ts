import { type ProductPrecision, scope, type Tensor, zeros } from "@splitmask/autograd";
import { createDevice, productPrecisions } from "@splitmask/kernels";
import {
  Beit,
  beitMethod,
  type CommonSettings,
  type LookRequest,
  type Looks,
  SplitMask,
  splitMaskMethod,
} from "@splitmask/methods";
import { RandomProjectionTokenizer } from "@splitmask/tokenizer";

const device = createDevice({ backend: "dry" });
afterAll(() => device.close());

const encoder = { imageSize: 16, patchSize: 4, width: 8, depth: 1, heads: 2 };
const tokenizer = new RandomProjectionTokenizer(device, { vocabularySize: 16, patchSize: 4 });
const precisions: readonly ProductPrecision[] = ["float32", "bfloat16"];

/** The precisions of the products that are enqueued only to find the largest one of each row. */
async function searches(enqueue: () => unknown): Promise<(number | undefined)[]> {
  device.startProfile();
  await enqueue();
  const { calls } = await device.stopProfile();
  return calls.flatMap((call) =>
    call.kind === "kernel" && call.kernel === "gemmArgmax" ? [call.numbers.precision] : [],
  );
}

test.each([
  ["SplitMask", SplitMask, splitMaskMethod],
  ["BEiT", Beit, beitMethod],
] as const)("%s finds words, given and predicted ones, in the run's precision", async (_, Task, method) => {
  const task = new Task(device, { encoder, tokenizer });
  const view: Tensor = zeros(device, [2, 3, 16, 16]);
  const batch = { views: [view, view], labels: new Int32Array(2), indices: new Int32Array(2) };
  const look = method.look as (of: typeof task, request: LookRequest<CommonSettings>) => Looks;
  for (const precision of precisions) {
    const code = productPrecisions[precision];
    const context = { training: true, seed: 0, step: 0, precision };
    expect(await searches(() => scope(device, () => task.loss(batch, context)))).toEqual([code]);
    expect(await searches(() => scope(device, () => task.health(batch, context)))).toEqual([code, code]);
    const settings = { ...({} as CommonSettings), patch: 4, seed: 0, precision };
    const shown = await searches(() => look(task, { batch, gallery: [batch], settings }));
    // The pictures' words, the hidden patches' and the predicted ones; the examples before them are float32 searches.
    expect(shown.slice(-3)).toEqual([code, code, code]);
  }
});
