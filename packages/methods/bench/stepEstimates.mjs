// What a training step of SplitMask costs by a dry device and the measured rates, beside what it costs: `node
// bench/stepEstimates.mjs [threads]`. With one thread (default) seconds are the process's CPU time, which other
// programs on the machine disturb little; with more they are wall time.
import { uniform } from "@splitmask/autograd";
import { createDevice, estimateSeconds, measureRates, summarizeProfile } from "@splitmask/kernels";
import { SplitMask } from "@splitmask/methods";
import { RandomProjectionTokenizer } from "@splitmask/tokenizer";
import { profileSteps } from "@splitmask/trainer";

const threads = Number(process.argv[2] ?? 1);
const sizes = [
  { imageSize: 32, patchSize: 4, width: 96, depth: 4, heads: 3, batchSize: 32, vocabularySize: 1024 },
  { imageSize: 64, patchSize: 8, width: 128, depth: 6, heads: 4, batchSize: 32, vocabularySize: 2048 },
  { imageSize: 224, patchSize: 16, width: 192, depth: 12, heads: 3, batchSize: 8, vocabularySize: 8192 },
];

/** The seconds that this process has spent, of its clock or of its CPU time. */
function clock() {
  const { user, system } = process.cpuUsage();
  return threads === 1 ? (user + system) / 1e6 : performance.now() / 1e3;
}

async function stepsOn(backend, size, precision) {
  const { imageSize, patchSize, width, depth, heads, batchSize, vocabularySize } = size;
  const device = createDevice({ backend, threads });
  try {
    const tokenizerPatch = Math.min(8, patchSize);
    const view = (side, step) =>
      uniform(device, [batchSize, 3, side, side], {
        low: -1,
        high: 1,
        key: { seed: 1, purpose: "noise", step },
      });
    const task = new SplitMask(device, {
      encoder: { imageSize, patchSize, width, depth, heads },
      tokenizer: new RandomProjectionTokenizer(device, { patchSize: tokenizerPatch, vocabularySize }),
    });
    const times = [];
    const { profile, profiledSteps, memory } = await profileSteps({
      device,
      task,
      schedule: { base: 1e-4 },
      precision,
      batches: {
        batchSize,
        batchesPerEpoch: 100,
        batch: async (step) => ({
          views: [view(imageSize, step), view((imageSize / patchSize) * tokenizerPatch, step)],
          labels: new Int32Array(batchSize),
          indices: new Int32Array(batchSize),
        }),
        release: ({ views }) => {
          for (const each of views) each.dispose();
        },
      },
      onEvent: (event) => {
        if (event.type === "step") times.push(clock());
      },
    });
    const seconds = times.slice(1).map((time, index) => time - times[index]);
    return { profile, profiledSteps, memory, seconds: Math.min(...seconds.slice(1)) };
  } finally {
    device.close();
  }
}

const limits = { multiplyAdds: 1, bfloat16Dots: null, memory: 1, lastCache: 1, lastCacheBytes: 1 };
for (const precision of ["float32", "bfloat16"]) {
  for (const size of sizes) {
    const device = createDevice({ threads });
    const rates = await measureRates(device);
    device.close();
    const dry = await stepsOn("dry", size, precision);
    const real = await stepsOn("native", size, precision);
    const operations = ({ profile }) => summarizeProfile(profile, limits).operations;
    const estimate = estimateSeconds(dry.profile, rates) / dry.profiledSteps;
    const giga = (rate) => (rate / 1e9).toFixed(0);
    console.log(
      `${precision} ${size.imageSize}/${size.patchSize} width ${size.width}: ` +
        `estimate ${estimate.toFixed(3)} s, real ${real.seconds.toFixed(3)} s, ` +
        `ratio ${(estimate / real.seconds).toFixed(2)}; ` +
        `operations ${operations(dry) === operations(real) ? "equal" : "DIFFER"}, ` +
        `peak memory ${(dry.memory.peakLiveBytes / real.memory.peakLiveBytes).toFixed(4)}; ` +
        `rates ${giga(rates.products)} ${giga(rates.bfloat16Products)} ${giga(rates.attention)} ` +
        `${giga(rates.bfloat16Attention)} GFLOP/s, ` +
        `${giga(rates.bytes)} GB/s, ${(rates.secondsPerCall * 1e6).toFixed(1)} µs`,
    );
  }
}
