import type { UsageError } from "@splitmask/methods/settings";
import { contradiction, type Decisions } from "@splitmask/methods/settings";
import { keptBytes, processBytes } from "../estimate/runMemory.js";
import { fixedTime, type RunSettings, stepTime, totalOf } from "../estimate/runTime.js";
import { stepMemory } from "../estimate/stepMemory.js";
import { checkSize } from "./checkSize.js";
import type { Config } from "./config.js";
import { parseDuration } from "./duration.js";
import type { MachineFacts, PictureFacts } from "./facts.js";
import { fitMemory } from "./fitMemory.js";
import { modelLadder, type Rung, withGiven } from "./modelLadder.js";
import { formatBytes, formatCount } from "./quantities.js";
import { maskFor, noteMask } from "./resolveMask.js";

/** A run is to end within so many seconds where neither its steps nor its time are given. */
const usualSeconds = 7_200;

/** What a step is but for the model, the pictures' size and the mask, with memory enough. */
export type StepWish = Omit<RunSettings, "width" | "depth" | "heads" | "imageSize" | "patch" | "mask">;

/** What is decided together, because time and memory depend on all of it. */
export interface RunSize {
  /** The step. */
  readonly settings: RunSettings;
  /** What it takes by the estimate, in seconds. */
  readonly secondsPerStep: number;
  /** Steps that fit in the time that is given, or in the usual one. */
  readonly fittingSteps: number;
  /** Updates without which the model is too large; they are steps of 128 pictures. */
  readonly wantedUpdates: number;
}

/** A model that may be taken. */
interface Candidate extends RunSize {
  readonly rung: Rung;
  /** Why a smaller one is better, as the end of a sentence; null: this one is good. */
  readonly objection: string | null;
}

/** What the decision is made from. */
interface SizeQuestion {
  readonly given: Config;
  readonly wish: StepWish;
  readonly pictures: PictureFacts;
  readonly machine: MachineFacts;
}

/**
 * Decides model, image size, patch, mask, batch and micro-batches: the largest model that does enough updates in the
 * time, cut so that a step fits the memory.
 *
 * @param question What is given, the rest of a step, the pictures and the machine.
 * @param decisions Receives model, image size, patch and mask.
 * @throws UsageError where what is given contradicts itself, or the machine's memory does not suffice.
 */
export function resolveSize(question: SizeQuestion, decisions: Decisions): RunSize {
  const { given, machine, pictures } = question;
  const rungs = distinct(
    modelLadder(pictures.shortSide)
      .filter(({ short }) => !short || given.time !== undefined)
      .map((rung) => withGiven(given, rung)),
  );
  for (const rung of rungs) checkSize(given, rung);
  const candidates = rungs.flatMap((rung) => consider(rung, question) ?? []);
  const taken = candidates.find(({ objection }) => objection === null) ?? candidates.at(-1);
  if (taken === undefined) throw tooLarge(rungs.at(-1)!, question);

  const { rung } = taken;
  const larger = rungs[rungs.indexOf(rung) - 1];
  const objection = candidates.find((candidate) => candidate.rung === larger)?.objection;
  const time = given.time ?? "two hours";
  const fitting = `${formatCount(taken.fittingSteps)} updates fit in ${time} on ${machine.threads} ${machine.threads === 1 ? "thread" : "threads"}`;
  const ownModel = (["model", "width", "depth", "heads"] as const).some(
    (field) => given[field] !== undefined,
  );
  decisions.note(
    "model",
    `${given.model ? `${given.model}, ` : ""}width ${rung.width}, depth ${rung.depth}, ${rung.heads} heads`,
    ownModel
      ? "given"
      : larger === undefined
        ? fitting
        : `${fitting}; ${larger.name} ${objection ?? "does not fit the memory"}`,
  );
  noteGeometry(question, rung, decisions);
  noteMask(given, pictures, (rung.imageSize / rung.patch) ** 2, decisions);
  return taken;
}

/** What a run with this model would be; null where it does not fit the memory. */
function consider(rung: Rung, { given, machine, pictures, wish }: SizeQuestion): Candidate | null {
  const whole = settingsOf(rung, { given, machine, pictures, wish });
  const { cache = "auto" } = given;
  const kept = keptBytes({ cache, imageSize: rung.imageSize }, pictures, machine);
  // A tenth stays free. Where that does not suffice, other programs may give theirs back.
  const fit =
    fitMemory(whole, given, 0.9 * machine.freeBytes - processBytes - kept) ??
    fitMemory(whole, given, machine.memoryBytes - processBytes);
  if (fit === null) return null;
  const settings = { ...whole, ...fit };
  const secondsPerStep = stepTime(settings, machine.rates);
  const seconds = given.time === undefined ? usualSeconds : parseDuration(given.time)!;
  const left = seconds - totalOf(fixedTime({ ...settings, seconds, steps: null }, pictures, machine));
  const fittingSteps = Math.max(1, Math.floor(left / secondsPerStep));
  const asked = given.steps ?? (given.epochs ?? Number.POSITIVE_INFINITY) * (pictures.count / settings.batch);
  const steps = Math.min(asked, fittingSteps);
  const objection =
    pictures.count < rung.pictures
      ? `wants ${formatCount(rung.pictures)} pictures`
      : (steps * settings.batch) / 128 < rung.updates
        ? `wants ${formatCount(rung.updates)} updates and would do ${formatCount(steps)}`
        : null;
  return { rung, settings, secondsPerStep, fittingSteps, wantedUpdates: rung.updates, objection };
}

function settingsOf(rung: Rung, { given, pictures, wish }: SizeQuestion): RunSettings {
  const { width, depth, heads, imageSize, patch } = rung;
  const mask = maskFor(given, pictures, (imageSize / patch) ** 2);
  return { ...wish, width, depth, heads, imageSize, patch, mask };
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

function noteGeometry({ given, pictures }: SizeQuestion, rung: Rung, decisions: Decisions): void {
  const side = Math.round(pictures.shortSide);
  const across = rung.imageSize / rung.patch;
  const reason =
    given.patch !== undefined
      ? "8 patches of the given size a side"
      : `the pictures' shorter side is ${side} pixels${side < 48 ? "" : `; ${rung.imageSize} ${rung.short && across < 8 ? "is quick, for a short time" : rung.imageSize > 64 ? "is the paper's" : "learns fast on a CPU"}`}`;
  decisions.note("image size", String(rung.imageSize), given.imageSize !== undefined ? "given" : reason);
  decisions.note(
    "patch",
    String(rung.patch),
    given.patch !== undefined ? "given" : `${across}×${across} = ${across ** 2} patches a picture`,
  );
}

/** What to say where even the smallest step is larger than the machine's memory. */
function tooLarge(rung: Rung, question: SizeQuestion): UsageError {
  const { given, machine, wish } = question;
  const smallest = {
    ...settingsOf(rung, question),
    accumulate: given.accumulate ?? wish.accumulate,
    recompute: given.recompute ?? true,
  };
  const mends = [
    ...(given.batch === undefined ? [] : ["batch"]),
    ...(given.accumulate === undefined ? [] : ["accumulate (leave it out)"]),
    ...(given.recompute === false ? ["recompute (leave it out)"] : []),
    ...(given.model === undefined ? [] : ["model"]),
    ...(["width", "depth", "imageSize", "vocabulary"] as const).filter((field) => given[field] !== undefined),
  ];
  return contradiction(
    "memory",
    `a step of width ${rung.width}, depth ${rung.depth}, ${rung.imageSize} pixels and batch ${smallest.batch} takes ${formatBytes(stepMemory(smallest))} even with recompute, and this machine has ${formatBytes(machine.memoryBytes)}; choose less of ${mends.length > 0 ? mends.join(", ") : "everything: a smaller imageSize and vocabulary"}`,
  );
}
