import {
  augmentViews,
  centerCrop,
  type DevicePicture,
  randomResizedCrop,
  type View,
} from "@splitmask/augmentation";
import { l2Normalize, matmul, noGrad, scope, slice, type Tensor, transpose } from "@splitmask/autograd";
import { createDevice, type Device, loadWasm } from "@splitmask/kernels";
import { SplitMask } from "@splitmask/methods/splitMask";
import { AdamW, clipGradientNorm, cosineSchedule, parameterGroups } from "@splitmask/optim";
import { RandomProjectionTokenizer } from "@splitmask/tokenizer";
import type { Reply, Request } from "./messages.js";

/** Pixels a side that the encoder sees, and that pictures are kept at. */
const imageSize = 64;
const keptSize = 96;
const batchSize = 16;

const tell = (reply: Reply) => postMessage(reply);
/** Of RGBA pixels; the fourth channel is cut off behind the augmentation. */
const encoderView = { size: imageSize, mean: [0.485, 0.456, 0.406, 0], std: [0.229, 0.224, 0.225, 1] };
const tokenizerView = { size: imageSize, mean: [0.5, 0.5, 0.5, 0], std: [0.5, 0.5, 0.5, 1] };

/** A picture on the device, its shorter side `keptSize` pixels. */
async function decode(device: Device, file: Blob): Promise<DevicePicture> {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, keptSize / Math.min(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
  const context = new OffscreenCanvas(width!, height!).getContext("2d")!;
  context.drawImage(bitmap, 0, 0, width!, height!);
  const { data } = context.getImageData(0, 0, width!, height!);
  return { buffer: device.borrow(data), byteOffset: 0, width: width!, height: height! };
}

/** The views of some pictures, B×3×S×S each. */
function viewsOf(
  device: Device,
  pictures: readonly DevicePicture[],
  views: readonly View[],
  step: number,
  augmentation = randomResizedCrop({ scale: [0.2, 1] }),
): Tensor[] {
  const keys = pictures.map((_, sample) => ({ seed: 0, step, sample }));
  return augmentViews({ device, pictures, keys, views, augmentation }).map((view) => slice(view, 1, 0, 3));
}

let embeddings: Tensor | null = null;

/** SplitMask on the pictures; afterwards an embedding of each, N×D. */
async function train(files: readonly Blob[], steps: number): Promise<void> {
  await loadWasm();
  const device = createDevice();
  tell({ kind: "device", threads: device.threads, instructionSet: device.instructionSet });
  const pictures = await Promise.all(files.map((file) => decode(device, file)));
  const tokenizer = new RandomProjectionTokenizer(device, { vocabularySize: 1024 });
  const encoder = { imageSize, patchSize: 8, width: 96, depth: 4, heads: 3 };
  const task = new SplitMask(device, { encoder, tokenizer });
  const optimizer = new AdamW(parameterGroups(task.model, { weightDecay: 0.05 }));
  const learningRate = cosineSchedule({ base: 1e-3, warmupSteps: Math.ceil(steps / 10), totalSteps: steps });
  for (let step = 0; step < steps; step += 1) {
    const start = performance.now();
    const batch = Array.from(
      { length: batchSize },
      (_, i) => pictures[(step * batchSize + i) % pictures.length]!,
    );
    const loss = scope(device, () => {
      const views = viewsOf(device, batch, [encoderView, tokenizerView], step);
      const none = new Int32Array(batchSize);
      const { total } = task.loss({ views, labels: none, indices: none }, { training: true, seed: 0, step });
      total.backward();
      const { scale } = clipGradientNorm(optimizer.parameters, 3);
      optimizer.step({ learningRate: learningRate(step), gradientScale: scale });
      optimizer.zeroGrad();
      return total;
    });
    tell({ kind: "step", step, loss: await loss.item(), seconds: (performance.now() - start) / 1000 });
    loss.dispose();
  }
  embeddings = noGrad(device, () =>
    scope(device, () => {
      const [view] = viewsOf(device, pictures, [encoderView], 0, centerCrop());
      return l2Normalize(task.model.encoder.encode(view!));
    }),
  );
  tell({ kind: "trained" });
}

async function findNeighbors(picture: number): Promise<void> {
  const all = embeddings!;
  const similarities = noGrad(all.device, () => matmul(slice(all, 0, picture, picture + 1), transpose(all)));
  tell({ kind: "neighbors", picture, similarities: (await similarities.data()) as Float32Array });
  similarities.dispose();
}

self.onmessage = async ({ data }: MessageEvent<Request>) => {
  try {
    await (data.kind === "train" ? train(data.pictures, data.steps) : findNeighbors(data.picture));
  } catch (error) {
    tell({ kind: "failed", message: String(error) });
  }
};
