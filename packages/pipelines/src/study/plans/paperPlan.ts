import { basename, resolve } from "node:path";
import { didYouMean, UsageError } from "@splitmask/methods/settings";
import type { Config } from "../../settings/config.js";
import { checkPlan, type StudyPlan } from "../plan.js";
import type { PlanAxisValue, PlanEvaluation, PlanFile, PlanPictures } from "../planFields.js";
import { type ScaleSettings, type StudyScale, scales } from "./scales.js";

export type { StudyScale } from "./scales.js";

/** On which pictures a study of the paper is done, and how large it is. */
export interface PaperPlanRequest {
  /** The study; see `paperPlanNames`. */
  readonly name: string;
  /** How large: `"tiny"` takes minutes, `"small"` some hours on two cores; `"full"` is the paper's size. */
  readonly scale: StudyScale;
  /** Pictures to pre-train on; `distribution` compares several. Default: those of `train`. */
  readonly pictures?: readonly string[];
  /** Labeled pictures to learn from. */
  readonly train: string;
  /** Held-out labeled pictures. Default: a fifth of each class of `train`, which nothing is trained on. */
  readonly test?: string;
  /** Settings of `splitmask pretrain` in place of the scale's. */
  readonly settings?: Config;
  /** Seeds. Default 0, 1 and 2. */
  readonly seeds?: readonly number[];
}

/** The parts of a plan in which the studies differ. */
interface PaperStudy {
  readonly title: string;
  readonly cells: PlanFile["cells"];
  readonly baseline: string;
  readonly evaluations: Readonly<Record<string, PlanEvaluation>>;
  /** Pictures besides those that all studies have. */
  readonly pictures?: Readonly<Record<string, PlanPictures>>;
}

/** What studies are made from. */
interface PaperContext {
  readonly scale: ScaleSettings;
  /** The pictures to pre-train on, without what is held out. */
  readonly sources: readonly { readonly name: string; readonly pictures: Exclude<PlanPictures, string> }[];
  readonly isTarget: (name: string) => boolean;
}

const untrained: PlanAxisValue = { label: "untrained", untrained: true };
const knn: PlanEvaluation = { kind: "knn" };
const probe: PlanEvaluation = { kind: "probe" };
const finetunedWith = ({ finetuning }: ScaleSettings): PlanEvaluation => ({
  kind: "finetune",
  settings: finetuning,
});
const allEvaluations = (scale: ScaleSettings) => ({
  "k-NN": knn,
  "linear probe": probe,
  "fine-tuned": finetunedWith(scale),
});

const beit = { label: "BEiT", settings: { method: "beit" } };
const splitMask = { label: "SplitMask", settings: { method: "splitmask" } };
/** The methods that need no labels, in the order of their papers. */
const methods = [
  { label: "DINO", settings: { method: "dino" } },
  { label: "MoCo v3", settings: { method: "mocov3" } },
  beit,
  { label: "MAE", settings: { method: "mae" } },
  splitMask,
  { label: "LeJEPA", settings: { method: "lejepa" } },
];

/** Shares of the pictures in the paper's table 1 and figure 2, in percent. */
const shares = [1, 5, 10, 100];
/** Numbers of pictures in the study of methods, beside all of them. */
const counts = [500, 2000];
/** Lengths beside the usual one in the paper's figures 3 and 6. */
const lengths = [1 / 8, 1 / 4, 1 / 2, 1, 2];

/** The studies by their names: the paper's, and that of methods, which answers its question for more of them. */
const studies: Readonly<Record<string, (context: PaperContext) => PaperStudy>> = {
  tokenizers: ({ scale }) => ({
    title: "Tokenizers of BEiT (the paper's table 2)",
    cells: [
      {
        tokenizer: [
          ...(["random-projection", "random-patches", "k-means"] as const).map((tokenizer) => ({
            label: tokenizer.replace("random-", "random "),
            settings: { method: "beit", tokenizer },
          })),
          { label: "discrete VAE", settings: { method: "beit" }, tokenizer: scale.tokenizer },
        ],
      },
      { tokenizer: [untrained] },
    ],
    baseline: "random projection",
    evaluations: allEvaluations(scale),
  }),

  ablation: ({ scale }) => ({
    title: "Split, inpaint and match (the paper's table 8)",
    cells: [
      {
        losses: [
          { label: "inpaint (BEiT)", settings: { method: "beit" } },
          { label: "split, inpaint", settings: { method: "splitmask", matchWeight: 0 } },
          { label: "split, match", settings: { method: "splitmask", inpaintWeight: 0 } },
          { label: "split, inpaint, match (SplitMask)", settings: { method: "splitmask" } },
          untrained,
        ],
      },
    ],
    baseline: "inpaint (BEiT)",
    evaluations: allEvaluations(scale),
  }),

  "sample-efficiency": ({ scale, sources }) => ({
    title: "Fewer pictures at equal steps (the paper's table 1 and figure 2)",
    cells: [
      {
        "share of the pictures": shares.map((share) => ({
          label: `${share} %`,
          at: share,
          ...(share === 100 ? {} : { pictures: `${share} %` }),
        })),
      },
      { "share of the pictures": [untrained] },
    ],
    baseline: "untrained",
    evaluations: allEvaluations(scale),
    pictures: Object.fromEntries(
      shares
        .filter((share) => share < 100)
        .map((share) => [`${share} %`, { ...sources[0]!.pictures, subset: `${share}%` }]),
    ),
  }),

  distribution: ({ isTarget, scale, sources }) => ({
    title: "Pre-trained on other pictures than fine-tuned on",
    cells: [
      { "pre-trained on": sources.map(({ name }) => ({ label: name, pictures: name })) },
      { "pre-trained on": [untrained] },
    ],
    baseline: sources.find(({ name }) => isTarget(name))?.name ?? "untrained",
    evaluations: allEvaluations(scale),
    pictures: Object.fromEntries(sources.map(({ name, pictures }) => [name, pictures])),
  }),

  methods: ({ scale, sources }) => ({
    title: "Methods by the number of pictures",
    cells: [
      {
        method: methods,
        pictures: [
          ...counts.map((count) => ({ label: `${count} pictures`, pictures: `${count}` })),
          { label: "all pictures", pictures: "pictures" },
        ],
      },
      { method: [untrained] },
    ],
    baseline: "untrained",
    evaluations: allEvaluations(scale),
    pictures: Object.fromEntries(
      counts.map((count) => [`${count}`, { ...sources[0]!.pictures, subset: count }]),
    ),
  }),

  schedule: ({ scale }) => ({
    title: "Length of pre-training (the paper's figures 3 and 6)",
    cells: [
      {
        steps: lengths.map((factor) => {
          const steps = Math.round(factor * scale.steps);
          return { label: `${steps} steps`, at: steps, settings: { steps } };
        }),
      },
      { steps: [untrained] },
    ],
    baseline: "untrained",
    evaluations: { "k-NN": knn, "fine-tuned": finetunedWith(scale) },
  }),

  layers: () => ({
    title: "Linear probes by layer (the paper's figure 5)",
    cells: [{ method: [beit, splitMask, untrained] }],
    baseline: "BEiT",
    evaluations: { "linear probe": { ...probe, layers: "all" } },
  }),

  "target-only": ({ isTarget, scale, sources }) => {
    const others = sources.filter(({ name }) => !isTarget(name));
    return {
      title: "Pre-trained on the target pictures alone (the paper's table 6)",
      cells: [
        {
          method: [beit, splitMask],
          pictures: [
            { label: "target pictures", pictures: "target" },
            ...others.map(({ name }) => ({ label: name, pictures: name })),
          ],
        },
        { method: [{ ...untrained, pictures: "target" }] },
      ],
      baseline: "untrained",
      evaluations: { "fine-tuned": finetunedWith(scale) },
      pictures: Object.fromEntries(others.map(({ name, pictures }) => [name, pictures])),
    };
  },
};

/** Names of the paper's studies. */
export const paperPlanNames: readonly string[] = Object.keys(studies);

/** Share of the labeled pictures that is held out where no test pictures are given. */
const heldOut = 0.2;

/**
 * The plan of one of the paper's studies, on pictures of your own. Nothing is chosen by the test pictures.
 *
 * @param request Which study, on which pictures.
 * @throws UsageError where there is no such study.
 */
export async function paperPlan(request: PaperPlanRequest): Promise<StudyPlan> {
  const { name, settings = {}, test, train, seeds = [0, 1, 2] } = request;
  const make = studies[name];
  if (make === undefined) {
    const mend = didYouMean(name, paperPlanNames) ?? `There are: ${paperPlanNames.join(", ")}.`;
    throw new UsageError(`plan: got "${name}", expected a study of the paper or the path of a plan. ${mend}`);
  }
  const { steps: given = scales[request.scale].steps } = settings;
  const scale = { ...scales[request.scale], steps: given };
  const target = resolve(train);
  const splits = (part: "train" | "test") => (test === undefined ? { heldOut, part } : {});
  const learned = { path: target, ...splits("train") };
  const paths = request.pictures === undefined || request.pictures.length === 0 ? [train] : request.pictures;
  const sources = paths.map((path, place) => ({
    name: nameOf(path, paths, place),
    // What is held out for testing is not seen in pre-training either.
    pictures: resolve(path) === target ? learned : { path: resolve(path) },
  }));
  const context: PaperContext = {
    ...{ scale, sources },
    isTarget: (each) => sources.some((source) => source.name === each && source.pictures.path === target),
  };
  const { pictures = {}, ...study } = make(context);
  const steps = settings.epochs === undefined ? { steps: scale.steps } : {};
  const some = (count: number | null) => (count === null ? {} : { subset: count });
  const plan: PlanFile = {
    ...study,
    seeds,
    pictures: {
      pictures: sources[0]!.pictures,
      target: learned,
      train: { ...learned, ...some(scale.labelled.train) },
      test: { path: resolve(test ?? train), ...splits("test"), ...some(scale.labelled.test) },
      ...pictures,
    },
    pretraining: {
      settings: {
        ...scale.pretraining,
        ...steps,
        ...settings,
      } as Config & { readonly method?: string },
    },
  };
  return checkPlan(plan, `${name}-${request.scale}`, name);
}

/** The last part of a path; a number behind it where others have the same. */
function nameOf(path: string, all: readonly string[], place: number): string {
  const name = basename(resolve(path));
  const before = all.slice(0, place).filter((each) => basename(resolve(each)) === name).length;
  const isTaken = ["pictures", "target", "train", "test"].includes(name);
  return before === 0 && !isTaken ? name : `${name} (${before + 1})`;
}
