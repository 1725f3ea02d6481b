import { RandomStream } from "@splitmask/autograd";
import { arrayDataset, type ImageDataset } from "@splitmask/data";
import {
  type Balance,
  balanceOf,
  type ChromeTrace,
  chromeTrace,
  type DeviceMemory,
  type InstructionSet,
  type MachineLimits,
  measureLimits,
  measureQueueCosts,
  type ProfileSummary,
  type QueueCosts,
  summarizeProfile,
} from "@splitmask/kernels";
import { profileSteps, type StepsProfile, type TrainingEvent } from "@splitmask/trainer";
import ndarray from "ndarray";
import type { Config } from "../settings/config.js";
import type { MachineFacts } from "../settings/facts.js";
import type { PretrainingSettings } from "../settings/runSettings.js";
import { silentTerminal, type Terminal } from "../terminal/terminal.js";
import { decideSettings } from "../training/pretrain.js";
import { pretrainingStep, trainingLoop } from "../training/runStep.js";
import { withDevice } from "./withDevice.js";

/** What to measure. */
export interface BenchStepRequest {
  /**
   * The fields that are given; the rest is ViT-Ti/16 at 224 pixels with a batch of 32, and otherwise chosen as for a
   * large data set.
   */
  readonly config?: Config;
  /** Steps that are timed. Default 5. */
  readonly timedSteps?: number;
  /** Steps that are profiled. Default 3. */
  readonly profiledSteps?: number;
  /**
   * Numbers of threads, 1 to 256 each, for which to find out how evenly they could share the kernels' tasks. Default:
   * none.
   */
  readonly simulatedThreads?: readonly number[];
}

/** What a training step costs, and where its time goes. */
export interface StepBench extends Pick<StepsProfile, "secondsPerStep" | "stepSeconds" | "profiledSteps"> {
  /** The method, as people write it. */
  readonly method: string;
  /** The settings of the step. */
  readonly config: PretrainingSettings;
  /** Threads of the device. */
  readonly threads: number;
  /** Its instruction set. */
  readonly instructionSet: InstructionSet;
  /** Pictures a second, at the median step. */
  readonly picturesPerSecond: number;
  /** Floating-point operations of a step's products and attention. */
  readonly operationsPerStep: number;
  /** The least time that these can take: each at the limit of its precision. In seconds. */
  readonly floorSeconds: number;
  /** floorSeconds / secondsPerStep. */
  readonly ofFloor: number;
  /** Bytes. */
  readonly memory: Pick<DeviceMemory, "peakLiveBytes" | "cachedBytes"> & {
    /** The most that the process ever had in memory. */
    readonly peakResidentBytes: number;
  };
  /** What the machine can do at most, measured before and after; the better of both. */
  readonly limits: MachineLimits;
  /** The profiled steps by kernels, all together. */
  readonly profile: ProfileSummary;
  /** Time of a call and of a barrier of the device's queue. */
  readonly queue: QueueCosts;
  /** How the kernels of a step would share their work, for each of `simulatedThreads`. */
  readonly balances: readonly Balance[];
}

/** A {@link StepBench} with the trace of its profiled steps. */
export interface TracedStepBench {
  /** The figures. */
  readonly bench: StepBench;
  /** What `--trace` writes. */
  readonly trace: ChromeTrace;
}

/** JavaScript compiles what makes a step while the first ones run, which doubles the time of a short one. */
const warmUpSteps = 10;

/** Noise and what it needs: whole runs are about 0.5 ± 0.29 in every channel. */
const noise = { mean: [0.5, 0.5, 0.5], std: [0.29, 0.29, 0.29] } as const;

/** A step is measured as it is asked for, so that nothing of it depends on this machine. */
export const anyMachine: MachineFacts = {
  threads: 1,
  memoryBytes: Number.POSITIVE_INFINITY,
  freeBytes: Number.POSITIVE_INFINITY,
  rates: {
    products: 1e11,
    bfloat16Products: 1e11,
    attention: 1e11,
    bfloat16Attention: 1e11,
    bytes: 1e10,
    secondsPerCall: 1e-6,
  },
};

/**
 * Runs training steps of a method on random pictures: the pipeline, task and optimizer of `pretrain`, without a folder
 * of pictures.
 *
 * @param request What is measured.
 * @param terminal Where it tells how far it is.
 * @throws UsageError where the settings contradict each other.
 */
export async function benchStep(
  request: BenchStepRequest,
  terminal: Terminal = silentTerminal,
): Promise<TracedStepBench> {
  const { timedSteps = 5, profiledSteps = 3, simulatedThreads = [] } = request;
  const given = withDefaults(request.config ?? {});
  const options = given.threads === undefined ? {} : { threads: given.threads };
  const { config, method } = await decideSettings(given, { count: 1_000_000, shortSide: 256 }, anyMachine);
  const settings = { ...config, ...noise };
  const before = await measureLimits(options);
  return withDevice(given.threads, async (device) => {
    const count = 2 * config.batch;
    const side = Math.round((config.imageSize * 8) / 7);
    const dataset = randomPictures(count, side, config.seed);
    const task = method.create(device, settings, await method.preparation?.standIn(device, settings));
    // Room for these pictures and no more, so that the peak is the step's.
    const cacheBytes = count * (3 * side * side + 64);
    const batches = pretrainingStep(method).batches(device, dataset, settings, { cacheBytes });
    try {
      const loop = {
        ...trainingLoop(config, method.recipe),
        ...{ device, task, batches },
        onEvent: (event: TrainingEvent) => {
          if (event.type === "step") terminal.progress(`step ${event.step} of ${event.steps}`);
        },
      };
      const steps = await profileSteps({ ...loop, warmUpSteps, timedSteps, profiledSteps });
      const balances: Balance[] = [];
      for (const threads of simulatedThreads) {
        const counts = { warmUpSteps: 1, timedSteps: 1, profiledSteps };
        const { profile } = await profileSteps({ ...loop, ...counts, simulatedThreads: threads });
        balances.push(balanceOf(profile));
      }
      const queue = await measureQueueCosts(device);
      terminal.endProgress();
      const limits = better(before, await measureLimits(options));
      const profile = summarizeProfile(steps.profile, limits);
      const { memory, samplesPerSecond, secondsPerStep, stepSeconds } = steps;
      const { peakLiveBytes, cachedBytes } = memory;
      const floorSeconds = profile.floorSeconds / profiledSteps;
      const bench: StepBench = {
        ...{ method: method.title, config, threads: device.threads, instructionSet: device.instructionSet },
        ...{ picturesPerSecond: samplesPerSecond, secondsPerStep, stepSeconds },
        operationsPerStep: profile.operations / profiledSteps,
        ...{ floorSeconds, ofFloor: floorSeconds / secondsPerStep },
        memory: { peakLiveBytes, cachedBytes, peakResidentBytes: process.resourceUsage().maxRSS * 1024 },
        ...{ limits, profiledSteps, profile, queue, balances },
      };
      return { bench, trace: chromeTrace(steps.profile) };
    } finally {
      batches.close();
    }
  });
}

function withDefaults(given: Config): Config {
  const { model, width, depth, heads, imageSize, patch } = given;
  const ownModel = model !== undefined || width !== undefined || depth !== undefined || heads !== undefined;
  return {
    batch: 32,
    steps: 1000,
    ...(ownModel ? {} : { model: "tiny" }),
    ...(imageSize === undefined && patch === undefined ? { imageSize: 224, patch: 16 } : {}),
    ...given,
  };
}

/** Pictures of noise: windows on one piece of it, each starting a row of pixels later. */
function randomPictures(count: number, side: number, seed: number): ImageDataset {
  const row = 3 * side;
  const words = new Uint32Array(Math.ceil(((side + count) * row) / 4));
  const stream = new RandomStream({ seed, purpose: "random pictures" });
  for (let index = 0; index < words.length; index++) words[index] = stream.bits();
  const bytes = new Uint8Array(words.buffer);
  return arrayDataset(
    Array.from({ length: count }, (_, index) =>
      ndarray(bytes.subarray(index * row, (index + side) * row), [side, side, 3]),
    ),
  );
}

function better(a: MachineLimits, b: MachineLimits): MachineLimits {
  const names = Object.keys(a) as (keyof MachineLimits)[];
  // null: neither has it.
  const best = names.map((name) => [name, a[name] === null ? null : Math.max(a[name], b[name]!)]);
  return Object.fromEntries(best) as MachineLimits;
}
