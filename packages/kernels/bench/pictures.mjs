// The image kernel: random crops of 8-bit pictures, bicubic with antialiasing to 224×224, half of them flipped,
// normalized. `node bench/pictures.mjs [--json] [--threads N] [--rounds N] [--set avx512|avx2|portable|neon]
// [--operations]`; pictures a second a core beside the goal of 2,000. --operations adds what each operation on the
// resized picture costs.
import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import { createDevice, eraseModes, pictureFilters, pictureOperations } from "../dist/index.js";

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    threads: { type: "string", default: String(availableParallelism()) },
    rounds: { type: "string", default: "9" },
    set: { type: "string", default: "auto" },
    operations: { type: "boolean", default: false },
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
  const box = { cropX, cropY, cropWidth, cropHeight, confined: 0 };
  const flips = { horizontalFlip: item % 2, verticalFlip: 0 };
  return { picture, height: source, width: source, filter: pictureFilters.bicubic, ...box, ...flips };
});
const output = { buffer: device.allocate(count * 3 * size * size * 4), byteOffset: 0 };
const normalization = { buffer: device.allocate(48), byteOffset: 0 };
device.upload(normalization, Float64Array.of(0.485, 0.456, 0.406, 0.229, 0.224, 0.225));
const shared = { output, normalization, outputHeight: size, outputWidth: size, channels: 3 };

const turn = [0.97, -0.26, 30, 0.26, 0.97, -20];
/**
 * The operations that `--operations` times, one at a time on every picture: the code and its numbers
 * (src/kernels/codes.ts).
 */
const operations = {
  brightness: [pictureOperations.brightness, 1.3],
  contrast: [pictureOperations.contrast, 0.7],
  saturation: [pictureOperations.saturation, 1.4],
  hue: [pictureOperations.hue, 20],
  grayscale: [pictureOperations.grayscale],
  solarize: [pictureOperations.solarize, 128],
  autoContrast: [pictureOperations.autoContrast],
  equalize: [pictureOperations.equalize],
  sharpness: [pictureOperations.sharpness, 1.5],
  "gaussianBlur 23, sigma 2": [pictureOperations.gaussianBlur, 23, 2],
  "rotate, bicubic": [pictureOperations.affine, ...turn, pictureFilters.bicubic, 1, 128],
  "rotate, bilinear": [pictureOperations.affine, ...turn, pictureFilters.bilinear, 1, 128],
  "shearX, bicubic": [pictureOperations.affine, 1, 0.3, 0, 0, 1, 0, pictureFilters.bicubic, 1, 128],
  "erase, a tenth, pixel": [pictureOperations.erase, 20, 20, 70, 70, eraseModes.numberPerValue, 1, 2],
};

/** Pictures a second a core over some tenths of a second. */
async function round(row) {
  const rows = { buffer: device.allocate(128), byteOffset: 0 };
  device.upload(
    rows,
    Float64Array.from({ length: 16 }, (_, place) => row?.[place] ?? 0),
  );
  const used = row === undefined ? 0 : 1;
  const list = each.map((item) => ({ ...item, firstOperation: 0, operations: used }));
  let done = 0;
  const start = performance.now();
  while (performance.now() - start < 300) {
    device.run("augmentImages", "float32", { ...shared, operations: rows, operationRows: used, each: list });
    await device.synchronize();
    done += count;
  }
  return (1000 * done) / (performance.now() - start) / threads;
}
/** The median of some rounds. */
async function median(row) {
  const speeds = [];
  for (let number = 0; number < Number(options.rounds); number++) speeds.push(await round(row));
  return speeds.sort((a, b) => a - b)[speeds.length >> 1];
}
await round();
const ours = await median();
const costs = [];
if (options.operations) {
  const base = 1e6 / (await median([8])); // as bytes and back, and one pass that inverts
  costs.push({ operation: "invert, and bytes for operations", microseconds: base - 1e6 / ours });
  for (const [operation, row] of Object.entries(operations))
    costs.push({ operation, microseconds: 1e6 / (await median(row)) - base });
}
device.close();

const work = `crop, resize, flip, normalize ${source}² → ${size}², a core`;
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
  for (const { operation, microseconds } of costs)
    console.log(`  ${operation}: ${microseconds.toFixed(0)} µs a picture of ${size}² more`);
}
