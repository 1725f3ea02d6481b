// Our loader: random resized crops of a folder's pictures, as training takes them. Argument: folder, sizes (of the
// views), batch, threads, workers as JSON, and cacheFolder where the decoded pictures come from the cache on disk; else
// every picture is decoded in every epoch.
import { createHash } from "node:crypto";
import {
  IMAGENET_MEAN,
  IMAGENET_STD,
  ImageLoader,
  imageFolder,
  pictureCache,
  randomResizedCrop,
} from "@splitmask/data";
import { createDevice } from "@splitmask/kernels";
import { serve } from "../serve.mjs";

const { folder, sizes, batch, threads, workers, cacheFolder } = JSON.parse(process.argv[2]);
const device = createDevice({ threads });
const dataset = await imageFolder(folder);
const views = sizes.map((size) => ({ size, mean: IMAGENET_MEAN, std: IMAGENET_STD }));
const options = {
  dataset,
  device,
  batchSize: batch,
  views,
  augmentation: randomResizedCrop(),
  cacheBytes: 0,
};
if (workers !== undefined) options.workers = workers;
if (cacheFolder !== undefined) {
  const named = {
    length: dataset.length,
    classes: dataset.classes,
    path: (index) => dataset.path(index),
    label: (index) => dataset.label(index),
    image: (index, request) => dataset.image(index, request),
    // Temporary files, always made alike.
    fingerprint: async () => createHash("sha256").update(folder).digest("hex"),
  };
  const decodeSize = 2 * Math.max(...sizes);
  options.cache = await pictureCache(named, { device, decodeSize, folder: cacheFolder });
}

let seed = 0;
/** Batches of a loader that starts with an empty hand: what is read ahead belongs to the round. */
async function round(enough) {
  const start = performance.now();
  const loader = new ImageLoader({ ...options, seed: seed++ });
  let steps = 0;
  let seconds = 0;
  let previous = Promise.resolve();
  while (seconds < enough || steps % loader.batchesPerEpoch !== 0) {
    const images = await loader.batch(steps++);
    const computed = device.synchronize().then(() => loader.release(images));
    await previous; // one batch computes while the next is put together
    previous = computed;
    seconds = (performance.now() - start) / 1000;
  }
  await previous;
  seconds = (performance.now() - start) / 1000;
  loader.close();
  return { steps, seconds };
}
await serve({ information: { version: `Node.js ${process.version}`, pictures: dataset.length }, round });
device.close();
