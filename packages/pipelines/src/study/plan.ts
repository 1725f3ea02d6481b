import { dirname, resolve } from "node:path";
import type { Method } from "@splitmask/methods";
import {
  defaultMethodName,
  didYouMean,
  type Fields,
  type Given,
  UsageError,
} from "@splitmask/methods/settings";
import type { RowPlace } from "@splitmask/report";
import type { EvaluateRequest } from "../evaluation/evaluate.js";
import { checkFields } from "../settings/check.js";
import type { Config, FinetuneConfig, TokenizerRunConfig } from "../settings/config.js";
import { finetuneFields, pretrainingFields, tokenizerRunFields } from "../settings/fields.js";
import { loadMethod, methodReference } from "../settings/loadMethod.js";
import {
  axisValueFields,
  evaluationFields,
  pictureFields,
  planFields,
  planPretrainingFields,
} from "./planFields.js";

/** Some pictures of a plan, checked. */
export interface StudyPictures extends Given<typeof pictureFields> {
  /** Where they are, absolute. */
  readonly path: string;
}

/** The evaluation of a frozen encoder, checked. */
export interface FrozenEvaluation
  extends Pick<
    EvaluateRequest,
    "train" | "k" | "temperature" | "layers" | "optimizer" | "learningRates" | "epochs" | "probeBatch"
  > {
  /** k nearest neighbors or a linear probe; `train` and `test` are names of pictures. */
  readonly kind: "knn" | "probe";
  /** Name of the held-out labeled pictures. */
  readonly test: string;
}

/** Training with labels, checked. */
export interface LabelledEvaluation {
  /** From the row's encoder, or from random weights. */
  readonly kind: "finetune" | "supervised";
  /** Name of the labeled pictures to learn from. */
  readonly train: string;
  /** Name of the held-out labeled pictures. */
  readonly test: string;
  /** Settings of `splitmask finetune`. */
  readonly settings: FinetuneConfig;
}

/** An evaluation of a plan, checked. */
export type StudyEvaluation = FrozenEvaluation | LabelledEvaluation;

/** A row of a study's tables: cells that differ in their seeds only. */
export interface StudyRow {
  /** The labels of its values, joined by commas. */
  readonly label: string;
  /** Its value on each axis. */
  readonly places: readonly RowPlace[];
  /** The method: a name, or the absolute path of a module. */
  readonly method: string;
  /** The fields of `splitmask pretrain` that are given, without method and seed. */
  readonly settings: Config;
  /** Name of the pictures to pre-train on. */
  readonly pictures: string;
  /** The fields of `splitmask tokenizer fit` that are given, where the words are learned first; else null. */
  readonly tokenizer: TokenizerRunConfig | null;
  /** Whether the encoder keeps its first random weights. */
  readonly untrained: boolean;
  /** Names of its evaluations. */
  readonly evaluations: readonly string[];
}

/** The plan of a study, checked. */
export interface StudyPlan {
  /** Name of its results' files. */
  readonly name: string;
  /** Heading of the results. */
  readonly title: string;
  /** Pictures by name. */
  readonly pictures: Readonly<Record<string, StudyPictures>>;
  /** Seeds that every row is repeated with. */
  readonly seeds: readonly number[];
  /** The rows. */
  readonly rows: readonly StudyRow[];
  /** Evaluations by name. */
  readonly evaluations: Readonly<Record<string, StudyEvaluation>>;
  /** Label of the row that others are compared with. */
  readonly baseline: string;
}

/** Settings that a plan has elsewhere, with what to do instead. */
const elsewhere: Readonly<Record<string, string>> = {
  seed: "give the plan's seeds",
  subset: "give the plan's pictures a subset",
  perClass: "give the plan's pictures a subset",
  split: "give the plan's pictures a split",
  trainSplit: "give the plan's pictures a split",
  testSplit: "give the plan's pictures a split",
  heldOut: "give the plan's pictures heldOut",
  time: "give steps or epochs, so that the study can be repeated",
  threads: "give the number of processes of the study",
};

/** The fields that a plan's settings may hold. */
function allowed(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !(name in elsewhere)));
}

/** Checks settings within a plan against a command's fields. */
function checkSettings(fields: Fields, value: object, place: string): Readonly<Record<string, unknown>> {
  const wrong = Object.keys(value).find((name) => name in elsewhere);
  if (wrong !== undefined)
    throw new UsageError(`${place}: ${wrong} cannot be set here; ${elsewhere[wrong]}.`);
  return checkFields(allowed(fields), value, place) as Readonly<Record<string, unknown>>;
}

/** Checks that a field was given. */
function required<Value>(value: Value | undefined, place: string, what: string): Value {
  if (value === undefined) throw new UsageError(`${place}: ${what} is missing.`);
  return value;
}

/** Checks that a name is one of those that a plan defines. */
function known(name: string, names: readonly string[], place: string, what: string): string {
  if (names.includes(name)) return name;
  const mend = didYouMean(name, names) ?? `There are: ${names.join(", ")}.`;
  throw new UsageError(
    `${place}: got ${JSON.stringify(name)}, expected the name of ${what} of the plan. ${mend}`,
  );
}

/** A value of an axis, checked except for its settings, which depend on the method. */
interface AxisValue extends Omit<Given<typeof axisValueFields>, "label"> {
  readonly label: string;
}

/**
 * Checks the plan of a study.
 *
 * @param value What a file or a program gave.
 * @param name Name of the plan, for the files of its results.
 * @param source Where it came from, for errors.
 * @param file The plan's file, which relative paths start from; the working folder when left out.
 * @throws UsageError naming the place in the plan, what was given and what was expected.
 */
export async function checkPlan(
  value: unknown,
  name: string,
  source: string,
  file?: string,
): Promise<StudyPlan> {
  const folder = file === undefined ? "." : dirname(file);
  const given = checkFields(planFields, value, source);
  const at = (...places: readonly string[]) => [source, ...places].join(" › ");
  const pictures = checkPictures(required(given.pictures, source, "pictures"), folder, at);
  const pictureNames = Object.keys(pictures);
  const evaluations = checkEvaluations(required(given.evaluations, source, "evaluations"), pictureNames, at);
  const common = checkFields(planPretrainingFields, given.pretraining ?? {}, at("pretraining"));
  const grids = required(given.cells, source, "cells");
  const rows = await rowsOf(grids, common, {
    folder,
    pictureNames,
    evaluations: Object.keys(evaluations),
    at,
  });
  const labels = rows.map(({ label }) => label);
  const twice = labels.find((label, place) => labels.indexOf(label) !== place);
  if (twice !== undefined) {
    throw new UsageError(`${at("cells")}: two rows are called "${twice}". Give their values other labels.`);
  }
  const { baseline = labels[0]!, title = name, seeds: wanted = 3 } = given;
  const seeds = typeof wanted === "number" ? Array.from({ length: wanted }, (_, seed) => seed) : wanted;
  if (new Set(seeds).size < seeds.length)
    throw new UsageError(`${at("seeds")}: got ${seeds.join(", ")}, expected different seeds.`);
  known(baseline, labels, at("baseline"), "a row");
  return { name, title, pictures, seeds, rows, evaluations, baseline };
}

type Place = (...places: readonly string[]) => string;

function checkPictures(given: object, folder: string, at: Place): Readonly<Record<string, StudyPictures>> {
  const entries = Object.entries(given).map(([name, value]) => {
    const place = at("pictures", name);
    const checked = checkFields(pictureFields, typeof value === "string" ? { path: value } : value, place);
    const path = resolve(folder, required(checked.path, place, "path"));
    if ((checked.heldOut === undefined) !== (checked.part === undefined))
      throw new UsageError(`${place}: heldOut and part need each other: give both or neither.`);
    return [name, { ...checked, path }] as const;
  });
  return Object.fromEntries(entries);
}

function checkEvaluations(
  given: object,
  pictureNames: readonly string[],
  at: Place,
): Readonly<Record<string, StudyEvaluation>> {
  const entries = Object.entries(given).map(([name, value]) => {
    const place = at("evaluations", name);
    const { kind } = checkFields(kindOnly, { kind: (value as { kind?: unknown } | null)?.kind }, place);
    required(kind, place, "kind");
    const trains = kind === "finetune" || kind === "supervised";
    const fields = trains ? evaluationFields.finetune : evaluationFields[kind!];
    const {
      train = "train",
      test = "test",
      ...checked
    } = checkFields(fields as Fields, value, place) as Given<typeof evaluationFields.finetune>;
    for (const source of [train, test]) known(source, pictureNames, place, "pictures");
    if (train === test) throw new UsageError(`${place}: train and test are the same pictures, "${train}".`);
    const own = trains
      ? {
          settings: checkSettings(
            finetuneFields,
            checked.settings ?? {},
            at("evaluations", name, "settings"),
          ),
        }
      : {};
    return [name, { ...checked, ...own, train, test } as unknown as StudyEvaluation] as const;
  });
  if (entries.length === 0) throw new UsageError(`${at("evaluations")}: expected at least one.`);
  return Object.fromEntries(entries);
}

const kindOnly = { kind: evaluationFields.knn.kind };

interface RowContext {
  readonly folder: string;
  readonly pictureNames: readonly string[];
  readonly evaluations: readonly string[];
  readonly at: Place;
}

/** The rows of all grids. */
async function rowsOf(
  grids: readonly Readonly<Record<string, readonly unknown[]>>[],
  common: Given<typeof planPretrainingFields>,
  context: RowContext,
): Promise<readonly StudyRow[]> {
  const combinations = grids.flatMap((grid, number) => {
    const axes = Object.entries(grid).map(([axis, values]) =>
      values.map((value) => ({
        axis,
        value: checkValue(axis, value, context.at("cells", String(number + 1), axis)),
        place: context.at("cells", String(number + 1), axis),
      })),
    );
    return axes.reduce<(typeof axes)[number][]>(
      (rows, values) => rows.flatMap((row) => values.map((value) => [...row, value])),
      [[]],
    );
  });
  const { method: usual, ...shared } = (common.settings ?? {}) as { readonly method?: unknown };
  const named = combinations.map((row) => {
    const given = row.map(({ value }) => value.settings?.method).findLast((method) => method !== undefined);
    return methodNamed(given ?? usual, context);
  });
  const methods = await Promise.all(named.map((method) => loadMethod(method)));
  const settingsPlace = context.at("pretraining", "settings");
  checkSettings(Object.assign({}, ...methods.map(pretrainingFields)) as Fields, shared, settingsPlace);
  return combinations.map((row, place) =>
    rowOf(row, { method: methods[place]!, reference: named[place]!, shared, common }, context),
  );
}

/** One row: what its values change, on top of what all have in common. */
function rowOf(
  row: readonly { readonly axis: string; readonly value: AxisValue; readonly place: string }[],
  {
    common,
    method,
    reference,
    shared,
  }: {
    readonly method: Method;
    readonly reference: string;
    readonly shared: object;
    readonly common: Given<typeof planPretrainingFields>;
  },
  { at, evaluations, pictureNames }: RowContext,
): StudyRow {
  const fields = pretrainingFields(method);
  const own = row.map(({ place, value }) => {
    const { method: _, ...settings } = (value.settings ?? {}) as { readonly method?: unknown };
    return checkSettings(fields, settings, place);
  });
  // Shared settings of another method's own are left out for this one.
  const ofMethod = Object.fromEntries(Object.entries(shared).filter(([name]) => name in fields));
  const settings = checkFields(fields, Object.assign({}, ofMethod, ...own), at("pretraining", "settings"));
  const values = row.map(({ value }) => value);
  const learned = row.findLast(({ value }) => value.tokenizer !== undefined);
  if (learned !== undefined) checkLearnedWords(learned.place, fields, settings);
  const pictures =
    values.findLast((value) => value.pictures !== undefined)?.pictures ?? common.pictures ?? "pictures";
  known(pictures, pictureNames, row.at(-1)?.place ?? at("pretraining"), "pictures");
  const chosen = values.findLast((value) => value.evaluations !== undefined)?.evaluations ?? evaluations;
  for (const each of chosen) known(each, evaluations, row.at(-1)!.place, "an evaluation");
  return {
    label: values.map(({ label }) => label).join(", ") || method.title,
    places: row.map(({ axis, value: { at: where, label } }) => ({ axis, label, at: where ?? null })),
    method: reference,
    settings: settings as Config,
    pictures,
    tokenizer:
      learned === undefined
        ? null
        : checkSettings(tokenizerRunFields, learned.value.tokenizer!, `${learned.place} › tokenizer`),
    untrained: values.some(({ untrained }) => untrained === true),
    evaluations: chosen,
  };
}

/** Checks that a row whose words are learned first takes words, and no others. */
function checkLearnedWords(place: string, fields: Fields, settings: Config & { tokenizer?: unknown }): void {
  if (!("tokenizer" in fields))
    throw new UsageError(
      `${place}: a tokenizer is trained, but the row's method has no words. Leave it out.`,
    );
  if (settings.tokenizer !== undefined) {
    throw new UsageError(
      `${place}: the settings have the tokenizer ${JSON.stringify(settings.tokenizer)}, and another one is ` +
        "trained. Leave one of them out.",
    );
  }
}

/** A value of an axis: an object, or a word or number that the axis's name gives a meaning. */
function checkValue(axis: string, value: unknown, place: string): AxisValue {
  if (typeof value === "object" && value !== null) {
    const checked = checkFields(axisValueFields, value, place);
    return { ...checked, label: required(checked.label, place, "label") };
  }
  if (axis === "pictures") {
    if (typeof value === "string") return { label: value, pictures: value };
    throw new UsageError(
      `${place}: got ${JSON.stringify(value)}, expected the name of pictures of the plan.`,
    );
  }
  const label = typeof value === "string" ? value : `${axis} ${String(value)}`;
  return { label, settings: { [axis]: value }, ...(typeof value === "number" ? { at: value } : {}) };
}

/** A method as a row holds it. */
function methodNamed(method: unknown, { at, folder }: RowContext): string {
  if (method === undefined) return defaultMethodName;
  if (typeof method === "string") return methodReference(method, folder);
  throw new UsageError(
    `${at("cells")}: method has to be a name or the path of a module, since cells run in processes of their own. ` +
      "Put the method into a module of its own, as its default export, and give the path.",
  );
}
