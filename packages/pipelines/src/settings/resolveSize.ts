import type { MethodFacts } from "@splitmask/methods";
import { contradiction, Decisions, formatCount, type UsageError } from "@splitmask/methods/settings";
import { estimateRun, stepTime } from "../estimate/runEstimate.js";
import { keptBytes, processBytes } from "../estimate/runMemory.js";
import { pretrainingWork } from "../estimate/runWork.js";
import { checkSize } from "./checkSize.js";
import { parseDuration } from "./duration.js";
import { fitMemory } from "./fitMemory.js";
import { modelLadder, type Rung, withGiven } from "./modelLadder.js";
import type { PretrainingQuestion } from "./pretrainingQuestion.js";
import { formatBytes } from "./quantities.js";
import type { StepSettings, StepWish } from "./stepSettings.js";

/** A run is to end within so many seconds where neither its steps nor its time are given. */
const usualSeconds = 7_200;

/** What is decided together, because time and memory depend on all of it. */
export interface RunSize {
  /** The step. */
  readonly settings: StepSettings;
  /** What it takes by the estimate, in seconds. */
  readonly secondsPerStep: number;
  /** Steps that fit in the time that is given, or in the usual one. */
  readonly fittingSteps: number;
  /** Updates without which the model is too large; they are steps of 128 pictures. */
  readonly wantedUpdates: number;
}

/** A model that may be taken. */
interface Candidate extends RunSize {
  /** Why a smaller one is better, as the end of a sentence; null: this one is good. */
  readonly objection: string | null;
}

/**
 * Decides model, image size, patch, the method's own settings, batch and micro-batches: the largest model that does
 * enough updates in the time, cut so that a step fits the memory.
 *
 * @param question What is given, the method, the pictures and the machine.
 * @param wish The rest of a step, with memory enough.
 * @param decisions Receives model, image size, patch and what the method decides.
 * @throws UsageError where what is given contradicts itself, or the machine's memory does not suffice.
 */
export async function resolveSize(
  question: PretrainingQuestion,
  wish: StepWish,
  decisions: Decisions,
): Promise<RunSize> {
  const { given, machine, method, pictures } = question;
  const rungs = distinct(
    modelLadder(pictures.shortSide)
      .filter(({ short }) => !short || given.time !== undefined)
      .map((rung) => withGiven(given, rung)),
  );
  for (const rung of rungs) checkSize(given, rung);
  let taken: { readonly rung: Rung; readonly candidate: Candidate } | null = null;
  // Of the one that is larger than the one that is taken.
  let objection: string | null = null;
  for (const [place, rung] of rungs.entries()) {
    const isLast = place === rungs.length - 1;
    if (pictures.count < rung.pictures && !isLast) {
      objection = `needs ${formatCount(rung.pictures)} pictures`;
      continue;
    }
    const candidate = await consider(rung, question, wish);
    if (candidate === null) objection = "does not fit into the memory";
    else if (candidate.objection !== null && !isLast) objection = candidate.objection;
    if (candidate !== null) taken = { rung, candidate };
    if (candidate !== null && candidate.objection === null) break;
  }
  if (taken === null) throw await tooLarge(rungs.at(-1)!, question, wish);
  const { candidate, rung } = taken;
  const time = given.time ?? "two hours";
  const fitting = `${formatCount(candidate.fittingSteps)} updates fit in ${time} on ${machine.threads} ${machine.threads === 1 ? "thread" : "threads"}`;
  const ownModel = (["model", "width", "depth", "heads"] as const).some(
    (field) => given[field] !== undefined,
  );
  const larger = rungs[rungs.indexOf(rung) - 1];
  decisions.note(
    "model",
    `${given.model ? `${given.model}, ` : ""}width ${rung.width}, depth ${rung.depth}, ${rung.heads} heads`,
    ownModel ? "given" : larger === undefined ? fitting : `${fitting}; ${larger.name} ${objection}`,
  );
  noteGeometry(question, rung, decisions);
  method.decide(given, factsOf(rung, question, wish), decisions);
  return candidate;
}

/** What a run with this model would be; null where it does not fit the memory. */
async function consider(
  rung: Rung,
  question: PretrainingQuestion,
  wish: StepWish,
): Promise<Candidate | null> {
  const { costOf, given, machine, method, pictures } = question;
  const whole = settingsOf(rung, question, wish);
  const kept = keptBytes(whole, pictures, machine);
  // A tenth stays free. Where that does not suffice, other programs may give theirs back.
  const settings =
    (await fitMemory(whole, given, 0.9 * machine.freeBytes - processBytes - kept, costOf)) ??
    (await fitMemory(whole, given, machine.memoryBytes - processBytes, costOf));
  if (settings === null) return null;
  const cost = await costOf(settings);
  const seconds = given.time === undefined ? usualSeconds : parseDuration(given.time)!;
  const { estimate } = estimateRun(
    { ...settings, seconds, steps: null },
    pretrainingWork(method, settings, cost, pictures),
    pictures,
    machine,
    false,
  );
  const fittingSteps = estimate.steps;
  const asked = given.steps ?? (given.epochs ?? Number.POSITIVE_INFINITY) * (pictures.count / settings.batch);
  const steps = Math.min(asked, fittingSteps);
  const objection =
    pictures.count < rung.pictures
      ? `needs ${formatCount(rung.pictures)} pictures`
      : (steps * settings.batch) / 128 < rung.updates
        ? `needs ${formatCount(rung.updates)} updates and would get ${formatCount(steps)}`
        : null;
  return { settings, secondsPerStep: stepTime(cost), fittingSteps, wantedUpdates: rung.updates, objection };
}

/** What the method's own settings may depend on. */
function factsOf(
  { imageSize, patch }: Rung,
  { pictures }: PretrainingQuestion,
  { batch }: StepWish,
): MethodFacts {
  return { count: pictures.count, imageSize, patch, patches: (imageSize / patch) ** 2, batch };
}

function settingsOf(rung: Rung, question: PretrainingQuestion, wish: StepWish): StepSettings {
  const { width, depth, heads, imageSize, patch } = rung;
  const own = question.method.decide(question.given, factsOf(rung, question, wish), new Decisions());
  return { ...wish, width, depth, heads, imageSize, patch, ...own };
}

/** The rungs that differ in what they are; of two that do not, the one that asks for less. */
function distinct(rungs: readonly Rung[]): Rung[] {
  const keyed = rungs.toReversed().map((rung) => {
    const { width, depth, heads, imageSize, patch } = rung;
    return [`${width} ${depth} ${heads} ${imageSize} ${patch}`, rung] as const;
  });
  const first = new Map<string, Rung>();
  for (const [key, rung] of keyed) if (!first.has(key)) first.set(key, rung);
  return [...first.values()].reverse();
}

function noteGeometry({ given, pictures }: PretrainingQuestion, rung: Rung, decisions: Decisions): void {
  const side = Math.round(pictures.shortSide);
  const across = rung.imageSize / rung.patch;
  const reason =
    given.patch !== undefined
      ? "8×8 patches of the given size"
      : `the pictures' shorter side is ${side} pixels${side < 48 ? "" : `; ${rung.imageSize} ${rung.short && across < 8 ? "is fast, for a short run" : rung.imageSize > 64 ? "is the paper's" : "learns fast on a CPU"}`}`;
  decisions.note("image size", String(rung.imageSize), given.imageSize !== undefined ? "given" : reason);
  decisions.note(
    "patch",
    String(rung.patch),
    given.patch !== undefined ? "given" : `${across}×${across} = ${across ** 2} patches per picture`,
  );
}

/** What to say where even the smallest step is larger than the machine's memory. */
async function tooLarge(rung: Rung, question: PretrainingQuestion, wish: StepWish): Promise<UsageError> {
  const { costOf, given, machine } = question;
  const smallest = {
    ...settingsOf(rung, question, wish),
    accumulate: given.accumulate ?? wish.accumulate,
    recompute: given.recompute ?? true,
  };
  const mends = [
    ...(given.batch === undefined ? [] : ["batch"]),
    ...(given.accumulate === undefined ? [] : ["accumulate (leave it out)"]),
    ...(given.recompute === false ? ["recompute (leave it out)"] : []),
    ...(given.model === undefined ? [] : ["model"]),
    ...(["width", "depth", "imageSize"] as const).filter((field) => given[field] !== undefined),
  ];
  const { memoryBytes } = await costOf(smallest);
  return contradiction(
    "memory",
    `a step of width ${rung.width}, depth ${rung.depth}, ${rung.imageSize} pixels and batch ${smallest.batch} takes ${formatBytes(memoryBytes)} even with recompute, and this machine has ${formatBytes(machine.memoryBytes)}; choose less of ${mends.length > 0 ? mends.join(", ") : "everything: a smaller imageSize"}`,
  );
}
