import type { MethodName } from "@splitmask/methods";
import { field, type Given } from "@splitmask/methods/settings";
import { z } from "zod";
import type { Config, FinetuneConfig, TokenizerRunConfig } from "../settings/config.js";

const name = z.string().min(1);
const count = z.int().positive();
const seed = z.int().min(0).max(0xffffffff);
/** Things by their names; each is checked separately, so that errors name it. */
const named = z.record(name, z.unknown());
const settings = z.record(z.string(), z.unknown());

/** What a plan says of some pictures. */
export const pictureFields = {
  path: field(name, {
    description: "Folder of the pictures, or another source; relative to the plan's file",
  }),
  split: field(name, { description: "Part of the source, if it has several, such as train" }),
  heldOut: field(z.number().gt(0).lt(1), {
    description:
      "Share of each class that is held out for testing, such as 0.2: part says which side these pictures are",
  }),
  part: field(z.enum(["train", "test"]), {
    description: "With heldOut: the pictures to train with, or those that are held out",
  }),
  subset: field(
    z.union([
      count,
      z
        .string()
        .regex(/^(100|\d{1,2})(\.\d+)?\s*%$/, { error: 'a share such as "10%", or a number of pictures' }),
    ]),
    {
      description: "Only some of them: a share such as 10%, or a largest number; each class keeps its share",
    },
  ),
  seed: field(seed, { description: "Seed of heldOut and of subset. Default: 0" }),
};

/** What a plan says of pre-training. */
export const planPretrainingFields = {
  pictures: field(name, { description: "Name of the pictures. Default: pictures" }),
  settings: field(settings, { description: "Settings of splitmask pretrain, the same in all cells" }),
};

/** What a value of an axis changes. */
export const axisValueFields = {
  label: field(name, { description: "What the value is called in tables" }),
  at: field(z.number(), { description: "Its position on a numeric axis, over which charts are drawn" }),
  settings: field(settings, { description: "Settings of splitmask pretrain that differ, method among them" }),
  pictures: field(name, { description: "Name of the pictures to pre-train on" }),
  tokenizer: field(settings, {
    description: "Settings of splitmask tokenizer fit: its words are learned first, from the same pictures",
  }),
  untrained: field(z.boolean(), {
    description: "The encoder with its first random weights, not pre-trained",
  }),
  evaluations: field(z.array(name).min(1).readonly(), {
    description: "Names of the evaluations, if not all are wanted",
  }),
};

const layers = z.union([z.literal("all"), z.array(z.int().min(0)).min(1).readonly()], {
  error: '"all" or a list of block numbers',
});

/** What every evaluation has. */
const evaluated = {
  kind: field(z.enum(["knn", "probe", "finetune", "supervised"]), {
    description:
      "knn, probe: of the frozen encoder; finetune: trained on with labels; supervised: the same from random weights",
  }),
  train: field(name, { description: "Name of the labeled pictures to learn from. Default: train" }),
  test: field(name, { description: "Name of the held-out labeled pictures. Default: test" }),
};

/** What a plan says of an evaluation, by its kind. */
export const evaluationFields = {
  knn: {
    ...evaluated,
    k: field(count, { description: "Neighbors that vote. Default: 20" }),
    temperature: field(z.number().positive(), { description: "Temperature of the vote. Default: 0.07" }),
    layers: field(layers, { description: "Blocks whose output is evaluated. Default: the encoder's output" }),
  },
  probe: {
    ...evaluated,
    optimizer: field(z.enum(["lbfgs", "sgd", "lars"]), {
      description: "As of splitmask probe. Default: lbfgs",
    }),
    learningRates: field(z.array(z.number().positive()).min(1).readonly(), {
      description: "Learning rates of a sweep by sgd or lars",
    }),
    epochs: field(count, { description: "Epochs of the sweep. Default: 100" }),
    probeBatch: field(count, { description: "Batch size of the sweep. Default: 256" }),
    layers: field(layers, { description: "Blocks whose output is evaluated. Default: the encoder's output" }),
  },
  finetune: {
    ...evaluated,
    settings: field(settings, { description: "Settings of splitmask finetune" }),
  },
};

/** What a plan holds. */
export const planFields = {
  title: field(name, { description: "Heading of the results. Default: the name of the plan's file" }),
  pictures: field(named, { description: "Pictures by name: a path, or an object" }),
  pretraining: field(z.unknown(), { description: "What all cells have in common" }),
  seeds: field(
    z.union([count, z.array(seed).min(1).readonly()], { error: "a number of seeds, or a list of them" }),
    {
      description: "Seeds that every cell is repeated with: a list, or how many from 0 on. Default: 3",
    },
  ),
  cells: field(
    z
      .array(z.record(name, z.array(z.unknown()).min(1)), { error: "a list of grids" })
      .min(1)
      .readonly(),
    {
      description: "Grids of cells: axes by name, each with its values; a cell is one value of each axis",
    },
  ),
  evaluations: field(named, { description: "Evaluations by name" }),
  baseline: field(name, {
    description: "Label of the row that others are compared with. Default: the first",
  }),
};

/** Some pictures, as a plan gives them: a path, or an object with it. */
export type PlanPictures = string | Given<typeof pictureFields>;

/** A value of an axis as a plan gives it. */
export type PlanAxisValue =
  | string
  | number
  | boolean
  | (Omit<Given<typeof axisValueFields>, "settings" | "tokenizer"> & {
      /** Settings of `splitmask pretrain` that differ, `method` among them. */
      readonly settings?: Config | Readonly<Record<string, unknown>>;
      /** Settings of `splitmask tokenizer fit`: its words are learned first, from the same pictures. */
      readonly tokenizer?: TokenizerRunConfig;
    });

/** An evaluation as a plan gives it. */
export type PlanEvaluation =
  | (Given<typeof evaluationFields.knn> & {
      /** k nearest neighbors. */
      readonly kind: "knn";
    })
  | (Given<typeof evaluationFields.probe> & {
      /** A linear probe. */
      readonly kind: "probe";
    })
  | (Omit<Given<typeof evaluationFields.finetune>, "settings"> & {
      /** With labels, from the pre-trained encoder or from random weights. */
      readonly kind: "finetune" | "supervised";
      /** Settings of `splitmask finetune`. */
      readonly settings?: FinetuneConfig;
    });

/** The plan of a study as a file gives it; see {@link defineStudy}. */
export interface PlanFile {
  /** Heading of the results. Default: the name of the plan's file. */
  readonly title?: string;
  /** Pictures by name. */
  readonly pictures: Readonly<Record<string, PlanPictures>>;
  /** What all cells have in common. */
  readonly pretraining?: {
    /** Name of the pictures. Default `"pictures"`. */
    readonly pictures?: string;
    /** Settings of `splitmask pretrain`. */
    readonly settings?: Omit<Config, "method"> & {
      /** A method's name, or the path of its module. */
      readonly method?: MethodName | (string & {});
    };
  };
  /** Seeds that every cell is repeated with: a list, or how many from 0 on. Default 3. */
  readonly seeds?: number | readonly number[];
  /** Grids of cells: axes by name, each with its values. */
  readonly cells: readonly Readonly<Record<string, readonly PlanAxisValue[]>>[];
  /** Evaluations by name. */
  readonly evaluations: Readonly<Record<string, PlanEvaluation>>;
  /** Label of the row that others are compared with. Default: the first. */
  readonly baseline?: string;
}

/**
 * Types the plan of a study in a module: `export default defineStudy({ pictures: { … }, cells: [ … ], … })`.
 *
 * @param plan The plan.
 * @returns The same object.
 */
export function defineStudy(plan: PlanFile): PlanFile {
  return plan;
}
