// The image kernel: random crops of 8-bit pictures, bicubic with antialiasing to 224×224, half of them flipped, normalised. `node bench/pictures.mjs [--json]
// [--threads N] [--rounds N] [--set avx512|avx2|portable|neon]`; pictures a second a core beside the goal of 2,000.
import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import { createDevice } from "../dist/index.js";

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    threads: { type: "string", default: String(availableParallelism()) },
    rounds: { type: "string", default: "9" },
    set: { type: "string", default: "auto" },
  },
});
const threads = Number(options.threads);
const goal = 2000;
const source = 256;
const size = 224;
const count = 64;

const device = createDevice({ threads, instructionSet: options.set });
let state = 1;
/** Uniform in [low, high), the same in every run. */
const draw = (low, high) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return low + (state / 2 ** 32) * (high - low);
};
const noise = Uint8Array.from({ length: source * source * 3 }, () => draw(0, 256));
// A fifth of the picture to all of it, sides 3:4 to 4:3: what a training batch crops.
const each = Array.from({ length: count }, (_, item) => {
  const picture = { buffer: device.allocate(noise.length), byteOffset: 0 };
  device.upload(picture, noise);
  const area = draw(0.2, 1);
  const stretch = Math.exp(draw(Math.log(3 / 4), Math.log(4 / 3)) / 2);
  const cropWidth = Math.min(source, Math.sqrt(area) * source * stretch);
  const cropHeight = Math.min(source, (Math.sqrt(area) * source) / stretch);
  const [cropX, cropY] = [draw(0, source - cropWidth), draw(0, source - cropHeight)];
  return { picture, height: source, width: source, cropX, cropY, cropWidth, cropHeight, flip: item % 2 };
});
const output = { buffer: device.allocate(count * 3 * size * size * 4), byteOffset: 0 };
const shared = { outputHeight: size, outputWidth: size, filter: 0 };
const normalisation = { mean0: 0.485, mean1: 0.456, mean2: 0.406, std0: 0.229, std1: 0.224, std2: 0.225 };

/** Pictures a second a core over some tenths of a second. */
async function round() {
  let done = 0;
  const start = performance.now();
  while (performance.now() - start < 300) {
    device.run("augmentImages", "float32", { output, ...shared, ...normalisation, each });
    await device.synchronize();
    done += count;
  }
  return (1000 * done) / (performance.now() - start) / threads;
}
await round();
const speeds = [];
for (let number = 0; number < Number(options.rounds); number++) speeds.push(await round());
const ours = speeds.sort((a, b) => a - b)[speeds.length >> 1];
device.close();

const work = `crop, resize, flip, normalise ${source}² → ${size}², a core`;
const row = {
  work,
  against: "2,000 pictures a second",
  ratio: ours / goal,
  target: 1,
  ours,
  theirs: goal,
  unit: "pictures/s",
};
if (options.json) console.log(JSON.stringify(row));
else {
  console.log(
    `${cpus()[0].model}, ${threads} threads, ${device.instructionSet}; median of ${options.rounds} rounds`,
  );
  console.log(`${work}: ${ours.toFixed(0)} pictures a second, ${row.ratio.toFixed(2)} of ${goal}`);
}
