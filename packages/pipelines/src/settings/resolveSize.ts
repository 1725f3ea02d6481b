import { contradiction, Decisions, formatCount, type UsageError } from "@splitmask/methods/settings";
import { estimateRun } from "../estimate/runEstimate.js";
import { keptBytes, processBytes } from "../estimate/runMemory.js";
import { decodeSizeOf, pretrainingWork } from "../estimate/runWork.js";
import type { TrainingCost } from "../estimate/trainingCost.js";
import { parseDuration } from "./fields.js";
import { fitMemory } from "./fitMemory.js";
import { possibleModels, type Rung, smallSide } from "./modelLadder.js";
import { formatBytes } from "./quantities.js";
import type { PretrainingQuestion, StepSettings, StepWish } from "./stepSettings.js";

/** A run is to end within so many seconds where neither its steps nor its time are given. */
const usualSeconds = 7_200;

/** What is decided together. */
export interface RunSize {
  readonly settings: StepSettings;
  readonly cost: TrainingCost;
  /** As many as fit in the time that is given, or in the usual one. */
  readonly fittingSteps: number;
  /** Updates of 128 pictures without which the model is too large. */
  readonly wantedUpdates: number;
}

/** A model that may be taken. */
interface Candidate {
  readonly rung: Rung;
  /** What the run would be; null: it does not fit the memory, or has not enough pictures. */
  readonly size: RunSize | null;
  /** Why a smaller one is better, as the end of a sentence; null: this one is good. */
  readonly objection: string | null;
}

/**
 * Decides model, image size, patch, the method's own settings, batch and micro-batches: the largest model that does
 * enough updates in the time, cut so that a step fits the memory.
 *
 * @param wish The rest of a step, with memory enough.
 * @throws UsageError where what is given contradicts itself, or the machine's memory does not suffice.
 */
export async function resolveSize(
  question: PretrainingQuestion,
  wish: StepWish,
  decisions: Decisions,
): Promise<RunSize> {
  const { given, machine, pictures } = question;
  const rungs = possibleModels(given, pictures.shortSide);
  const considered: Candidate[] = [];
  for (const rung of rungs) {
    const { objection, size } = await consider(rung, question, wish);
    considered.push({ rung, objection, size });
    if (objection === null) break;
  }
  const place = considered.findLastIndex(({ size }) => size !== null);
  if (place < 0) throw await tooLarge(rungs.at(-1)!, question, wish);
  const { rung, size } = considered[place]!;
  const larger = considered[place - 1];
  const threads = `${machine.threads} ${machine.threads === 1 ? "thread" : "threads"}`;
  const fitting = `${formatCount(size!.fittingSteps)} updates fit in ${given.time ?? "two hours"} on ${threads}`;
  const isGiven = (["model", "width", "depth", "heads"] as const).some((name) => given[name] !== undefined);
  const reason = larger === undefined ? fitting : `${fitting}; ${larger.rung.name} ${larger.objection}`;
  const model = `width ${rung.width}, depth ${rung.depth}, ${rung.heads} heads`;
  decisions.note("model", given.model ? `${given.model}, ${model}` : model, isGiven ? "given" : reason);
  noteGeometry(question, rung, decisions);
  settingsOf(rung, question, wish, decisions);
  return size!;
}

/** What a run with this model would be. */
async function consider(
  rung: Rung,
  question: PretrainingQuestion,
  wish: StepWish,
): Promise<Omit<Candidate, "rung">> {
  const { costOf, given, machine, method, pictures } = question;
  if (pictures.count < rung.pictures)
    return { size: null, objection: `needs ${formatCount(rung.pictures)} pictures` };
  const whole = settingsOf(rung, question, wish);
  const kept = keptBytes(whole, decodeSizeOf(method, whole), pictures, machine);
  // A tenth stays free. Where that does not suffice, other programs may give theirs back.
  const settings =
    (await fitMemory(whole, given, 0.9 * machine.freeBytes - processBytes - kept, costOf)) ??
    (await fitMemory(whole, given, machine.memoryBytes - processBytes, costOf));
  if (settings === null) return { size: null, objection: "does not fit into the memory" };
  const cost = await costOf(settings);
  const seconds = given.time === undefined ? usualSeconds : parseDuration(given.time)!;
  const work = pretrainingWork(method, settings, cost, pictures);
  const timed = { ...settings, seconds, steps: null };
  const { steps: fittingSteps } = estimateRun(timed, work, pictures, machine, false).estimate;
  const asked = given.steps ?? (given.epochs ?? Number.POSITIVE_INFINITY) * (pictures.count / settings.batch);
  const steps = Math.min(asked, fittingSteps);
  return {
    size: { settings, cost, fittingSteps, wantedUpdates: rung.updates },
    objection:
      (steps * settings.batch) / 128 < rung.updates
        ? `needs ${formatCount(rung.updates)} updates and would get ${formatCount(steps)}`
        : null,
  };
}

/** The step with a model, and what the method decides for it. */
function settingsOf(
  { width, depth, heads, imageSize, patch }: Rung,
  { given, method, pictures: { classes = 0, count } }: PretrainingQuestion,
  wish: StepWish,
  decisions = new Decisions(),
): StepSettings {
  const patches = (imageSize / patch) ** 2;
  const facts = { count, classes, imageSize, patch, patches, batch: wish.batch };
  const own = method.decide(given, facts, decisions);
  return { ...wish, width, depth, heads, imageSize, patch, ...own };
}

function noteGeometry({ given, pictures }: PretrainingQuestion, rung: Rung, decisions: Decisions): void {
  const side = Math.round(pictures.shortSide);
  const across = rung.imageSize / rung.patch;
  const large = rung.imageSize > 64 ? "is the paper's" : "learns fast on a CPU";
  const why = rung.isShort && across < 8 ? "is fast, for a short run" : large;
  const known = `the pictures' shorter side is ${side} pixels${side < smallSide ? "" : `; ${rung.imageSize} ${why}`}`;
  const reason = given.patch === undefined ? known : "8×8 patches of the given size";
  decisions.take("image size", given.imageSize, rung.imageSize, reason);
  const patches = `${across}×${across} = ${across ** 2} patches per picture`;
  decisions.take("patch", given.patch, rung.patch, patches);
}

/** What to say where even the smallest step is larger than the machine's memory. */
async function tooLarge(rung: Rung, question: PretrainingQuestion, wish: StepWish): Promise<UsageError> {
  const { costOf, given, machine } = question;
  const { accumulate = wish.accumulate, recompute = true } = given;
  const smallest = { ...settingsOf(rung, question, wish), accumulate, recompute };
  const mends = [
    ...(given.batch === undefined ? [] : ["batch"]),
    ...(given.accumulate === undefined ? [] : ["accumulate (leave it out)"]),
    ...(given.recompute === false ? ["recompute (leave it out)"] : []),
    ...(["model", "width", "depth", "imageSize"] as const).filter((field) => given[field] !== undefined),
  ];
  const { memoryBytes } = await costOf(smallest);
  const { width, depth, imageSize, batch } = smallest;
  const step = `a step of width ${width}, depth ${depth}, ${imageSize} pixels and batch ${batch}`;
  return contradiction(
    "memory",
    `${step} takes ${formatBytes(memoryBytes)} even with recompute, and this machine has ` +
      `${formatBytes(machine.memoryBytes)}; choose less of ${mends.join(", ") || "everything: a smaller imageSize"}`,
  );
}
