import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { IMAGENET_MEAN, IMAGENET_STD, type ImageBatch } from "@splitmask/augmentation";
import {
  add,
  affine,
  concatenate,
  l2Normalize,
  mean,
  multiply,
  noGrad,
  relu,
  reshape,
  scope,
  slice,
  sum,
  type Tensor,
} from "@splitmask/autograd";
import { writeFileDurably } from "@splitmask/files";
import type { Device } from "@splitmask/kernels";
import { cosineDistance } from "@splitmask/losses";
import type { ForwardContext } from "@splitmask/nn";
import { fileHash } from "@splitmask/onnx";
import type { HealthAlarm, TaskLoss, TrainingTask } from "@splitmask/trainer";
import type { VisionTransformer, VisionTransformerConfig } from "@splitmask/vit";
import { z } from "zod";
import { componentLooks, drawnComponents } from "./componentLooks.js";
import { descriptorSpread, encoderSpread, singleFeatureAlarm } from "./descriptorSpread.js";
import { DistillationModel } from "./distillationModel.js";
import { encoderConfig, encoderView, givenEncoder } from "./encoderSettings.js";
import { spreadFigures } from "./figureNotes.js";
import type { LookRequest, Looks } from "./looks.js";
import type { CommonSettings, Method, Preparation } from "./method.js";
import {
  type ExaminedTeacher,
  OnnxTeacher,
  type Teacher,
  type TeacherFacts,
  teacherFacts,
  teacherStandIn,
  teacherText,
} from "./onnxTeacher.js";
import { contradiction } from "./settings/decisions.js";
import { type Decided, field, type Given } from "./settings/field.js";
import { UsageError } from "./settings/usageError.js";

/** Options of `Distillation`. */
export interface DistillationConfig {
  /** The student: a config (`vit("small", …)`), or a model made before. */
  readonly encoder: VisionTransformerConfig | VisionTransformer;
  /** Whose features are learned. */
  readonly teacher: Teacher;
  /** Width of the heads' hidden layer. Default: the teacher's. */
  readonly headWidth?: number;
  /**
   * Factor of the patches' distance; 0 leaves it out. Default: 1 where the teacher has tokens of the student's patches,
   * else 0.
   */
  readonly patchWeight?: number;
  /** Draws the first weights. Default 0. */
  readonly seed?: number;
}

const alarms: readonly HealthAlarm[] = [
  singleFeatureAlarm(1.2, "Try a lower learning rate, a longer warm-up or a longer run."),
];

/** What the student predicts for a batch. */
interface PredictedFeatures {
  /** B×1×D: for the whole pictures. */
  readonly whole: Tensor;
  /** B×N×D: for their patches; null: they are not learned. */
  readonly patches: Tensor | null;
}

/**
 * Distillation: the student's feature of a picture, the class token's output where it has one, else the mean of the
 * patches' outputs, and the outputs of its patches predict, through small heads, the features that a teacher, another
 * trained model, has for the same crop. The loss is the cosine distance: of whole pictures as in AM-RADIO (Ranzinger et
 * al. 2023, arXiv 2312.06709), of patches as in EVA (Fang et al. 2022, arXiv 2211.07636).
 *
 * A batch has two views of the same crop: `views[0]` for the student, B×3×S×S, and `views[1]` for the teacher, B×3×T×T,
 * in whose place `prepare` puts the teacher's features.
 */
export class Distillation implements TrainingTask<ImageBatch> {
  /** `"distillation"`. */
  readonly name = "distillation";
  /** What is trained and saved. */
  readonly model: DistillationModel;
  /** Whose features are learned. */
  readonly teacher: Teacher;
  /** Factor of the patches' distance. */
  readonly patchWeight: number;
  /** Signs of collapse. */
  readonly alarms: readonly HealthAlarm[] = alarms;
  readonly #device: Device;

  /**
   * Makes the student (unless one is given) and the heads.
   *
   * @param device Where the model lives.
   * @param config See `DistillationConfig`.
   * @throws RangeError If the weight is negative, or positive where the teacher has no tokens of the student's patches.
   */
  constructor(device: Device, config: DistillationConfig) {
    const { seed = 0, teacher } = config;
    const { headWidth = teacher.width, patchWeight = teacher.patches > 0 ? 1 : 0 } = config;
    this.#device = device;
    this.teacher = teacher;
    this.patchWeight = patchWeight;
    const encoder = givenEncoder(device, config.encoder, {}, { seed });
    const places = encoder.grid[0] * encoder.grid[1];
    if (!(patchWeight >= 0) || (patchWeight > 0 && teacher.patches !== places)) {
      throw new RangeError(
        `Distillation: patchWeight is ${patchWeight}, the teacher has tokens of ${teacher.patches} patches, and the ` +
          `student has ${places} patches; expected 0, or a positive number and a teacher of the same grid.`,
      );
    }
    this.model = new DistillationModel(device, encoder, {
      ...{ hiddenWidth: headWidth, outWidth: teacher.width, withPatches: patchWeight > 0, seed },
    });
  }

  /** What the teacher takes for a picture, in seconds. */
  get secondsToPrepare(): number {
    return this.teacher.secondsPerPicture;
  }

  /**
   * Puts the teacher's features in the place of its view, which is disposed of.
   *
   * @param batch Two views.
   * @returns The batch with B×(1 + patches)×width as `views[1]`.
   * @throws TypeError (rejects) If there are not two views.
   */
  async prepare(batch: ImageBatch): Promise<ImageBatch> {
    const [images, seen] = batch.views;
    if (images === undefined || seen === undefined) {
      throw new TypeError(
        `Distillation: the batch has ${batch.views.length} view(s); expected two of the same crop: views[0] for the ` +
          "student and views[1] for the teacher.",
      );
    }
    const features = await this.teacher.features(seen);
    seen.dispose();
    return { ...batch, views: [images, features] };
  }

  /**
   * How far the student's predictions are from the teacher's features.
   *
   * @param batch What `prepare` gave.
   * @param context Training or not, and the seed and step that drop path is drawn from.
   * @returns `total`, and unweighted `parts.pictureDistance` and, where patches are learned, `parts.patchDistance`.
   */
  loss(batch: ImageBatch, context: ForwardContext): TaskLoss {
    const features = this.#features(batch);
    const { whole, patches } = scope(this.#device, () => this.#predict(batch.views[0]!, context));
    const pictureDistance = cosineDistance(whole, slice(features, 1, 0, 1));
    if (patches === null) return { total: pictureDistance, parts: { pictureDistance } };
    const patchDistance = cosineDistance(patches, slice(features, 1, 1));
    const total = add(pictureDistance, affine(patchDistance, this.patchWeight, 0));
    return { total, parts: { pictureDistance, patchDistance } };
  }

  /**
   * How well it goes.
   *
   * @returns `descriptorVariance` and `effectiveRank` of the student's outputs (see `encoderSpread`).
   */
  health({ views }: ImageBatch, context: ForwardContext): Readonly<Record<string, Tensor>> {
    return encoderSpread(this.model.encoder, views[0]!, context);
  }

  /**
   * What the student predicts of pictures, for reports. Records no graph.
   *
   * @param images B×3×S×S.
   * @returns B×(1 + patches)×width, as the teacher's features; without those of patches where they are not learned.
   */
  predict(images: Tensor): Tensor {
    return noGrad(this.#device, () =>
      scope(this.#device, () => {
        const { patches, whole } = this.#predict(images, { training: false, seed: 0, step: 0 });
        return patches === null ? whole : concatenate([whole, patches], 1);
      }),
    );
  }

  #predict(images: Tensor, context: ForwardContext): PredictedFeatures {
    const { encoder, head, patch_head: patchHead } = this.model;
    const tokens = encoder.forward(images, context);
    const prefix = encoder.prefixTokens;
    const own = prefix === 0 ? tokens : slice(tokens, 1, prefix);
    const whole =
      encoder.cls_token === null ? mean(own, { axes: [1], keepDimensions: true }) : slice(tokens, 1, 0, 1);
    return { whole: head.forward(whole, context), patches: patchHead?.forward(own, context) ?? null };
  }

  #features({ views }: ImageBatch): Tensor {
    const features = views[1];
    const { patches, width } = this.teacher;
    const expected = [views[0]?.shape[0], 1 + patches, width].join("×");
    if (features?.shape.join("×") === expected) return features;
    throw new TypeError(
      `Distillation: views[1] is ${features?.shape.join("×") ?? "missing"}; expected ${expected}, the features that ` +
        "prepare puts there. Call prepare before loss.",
    );
  }
}

const threeNumbers = z.tuple([z.number(), z.number(), z.number()], { error: "three numbers" }).readonly();

/** Distillation's own settings. */
export const distillationFields = {
  teacher: field(z.string().min(1), {
    description:
      "ONNX model whose features are learned, of pictures B×3×H×W: B×D, tokens B×N×D or a map B×D×h×w. Needed",
    placeholder: "<file>",
    mayChange: true,
  }),
  teacherOutput: field(z.string().min(1), {
    description: "Name of the teacher's output. Default: the first",
    placeholder: "<name>",
  }),
  teacherSize: field(z.int().positive(), {
    description:
      "Side of the teacher's pictures in pixels; its patches are learned where it has as many as the student. " +
      "Default: that of its file, else 224",
    placeholder: "<pixels>",
  }),
  teacherMean: field(threeNumbers, {
    description: "Mean of red, green and blue in the teacher's pictures, 0 to 1. Default: ImageNet's",
    placeholder: "<r,g,b>",
  }),
  teacherStd: field(threeNumbers, {
    description: "Standard deviation of red, green and blue in the teacher's pictures. Default: ImageNet's",
    placeholder: "<r,g,b>",
  }),
  headWidth: field(z.int().positive(), {
    description: "Width of the hidden layer of the heads. Default: the teacher's",
    placeholder: "<n>",
  }),
  patchWeight: field(z.number().min(0), {
    description:
      "Factor of the patches' distance. Default: 1 if the teacher has tokens of the student's grid, else 0",
    placeholder: "<factor>",
  }),
};

/** Distillation's own settings, decided, and what was read of the teacher; `teacherOutput` null: the first. */
export type DistillationSettings = Decided<typeof distillationFields, "teacherOutput"> & {
  /** The teacher beside this student. */
  readonly teacherFacts: TeacherFacts;
};

/** The given settings with what `examine` read. */
type ExaminedSettings = Given<typeof distillationFields> & { readonly examined?: ExaminedTeacher };

/** What the run folder keeps of the teacher. */
const keptTeacher = z.object({ path: z.string(), sha256: z.string() });

const missingTeacher =
  "give the path of an ONNX model that makes features of pictures, such as --teacher encoder.onnx";

function openTeacher(settings: DistillationSettings & CommonSettings): OnnxTeacher {
  const { imageSize, patch, teacher, teacherFacts: facts, teacherOutput: output } = settings;
  return new OnnxTeacher(teacher, { output, facts, patches: (imageSize / patch) ** 2 });
}

function teacherView({ teacherMean, teacherSize, teacherStd }: DistillationSettings) {
  return { size: teacherSize, mean: teacherMean, std: teacherStd, name: "teacher" };
}

/** The teacher of a run: tried before the first step; the run folder has its path and hash. */
const teacherPreparation: Preparation<DistillationSettings & CommonSettings, Teacher> = {
  name: "teacher",
  file: "teacher.json",
  async make({ crops, device, settings, tell }) {
    const teacher = openTeacher(settings);
    for await (const images of crops(teacherView(settings), 1)) {
      const features = await teacher.features(images);
      const spread = noGrad(device, () =>
        scope(
          device,
          () => descriptorSpread(reshape(slice(features, 1, 0, 1), [-1, teacher.width])).variance,
        ),
      );
      const variance = await spread.item();
      for (const each of [images, features, spread]) each.dispose();
      if (!Number.isFinite(variance)) {
        throw new Error(
          `teacher: ${settings.teacher} gives features that are not finite for the pictures. ` +
            "Check teacherMean, teacherStd and teacherSize, or choose another output (teacherOutput).",
        );
      }
      tell(`${teacherText(teacher.path, settings.teacherSize, teacher)}; variance ${variance.toFixed(3)}`);
      break;
    }
    return teacher;
  },
  async save(teacher, path) {
    const { path: file } = teacher as OnnxTeacher;
    const kept = { path: file, sha256: await fileHash(file) };
    await writeFileDurably(path, `${JSON.stringify(kept, null, 2)}\n`);
  },
  async load(_, path, settings) {
    const kept = keptTeacher.parse(JSON.parse(await readFile(path, "utf8")));
    const file = resolve(settings.teacher);
    const hash = await fileHash(file).catch((error: Error) => {
      throw new UsageError(
        `teacher: the run's teacher, ${file}, cannot be read: ${error.message}. Put it back, or go on with ` +
          "--teacher and its new path.",
      );
    });
    if (hash !== kept.sha256) {
      throw new UsageError(
        `teacher: ${file} is not the file that the run was started with, ${kept.path}: its SHA-256 is ` +
          `${hash.slice(0, 12)}… and was ${kept.sha256.slice(0, 12)}…. Put that file back, or start a new run.`,
      );
    }
    return openTeacher({ ...settings, teacher: file });
  },
  standIn: (device, { teacherFacts: facts }) => teacherStandIn(device, facts),
  cost: (_, pictureCount) => ({ pictures: Math.min(64, pictureCount), operations: 0 }),
};

const cosineNote =
  "“Cosine” is that of the feature that the student predicts for the whole picture and the teacher's.";

/** B: the cosine of student and teacher for whole pictures, as a share: 0 where it is negative. */
function agreement(predicted: Tensor, features: Tensor): Tensor {
  const whole = (rows: Tensor) =>
    l2Normalize(reshape(slice(rows, 1, 0, 1), [rows.shape[0]!, rows.shape[2]!]));
  const cosines = sum(multiply(whole(predicted), whole(features)), { axes: [1] });
  // Rounding may take it above 1.
  return relu(affine(relu(affine(cosines, -1, 1)), -1, 1));
}

/** What a report shows: components of what the student predicts for patches, beside those of the teacher's. */
async function distillationLooks(task: Distillation, request: LookRequest<CommonSettings>): Promise<Looks> {
  const [images, seen] = request.batch.views;
  const { device } = images!;
  const { encoder, patch_head: patchHead } = task.model;
  const features = await task.teacher.features(seen!);
  return noGrad(device, () =>
    scope(device, (): Looks => {
      const predicted = task.predict(images!);
      const share = { name: "cosine", values: agreement(predicted, features) };
      if (patchHead === null) {
        const looks = componentLooks(encoder, request);
        return { ...looks, panels: [{ ...looks.panels[0]!, share }], note: cosineNote };
      }
      const count = images!.shape[0]!;
      const tokens = concatenate(
        [slice(predicted, 1, 1), slice(features, 1, 1)].map((rows) => l2Normalize(rows)),
        0,
      );
      const { patches } = drawnComponents(tokens, encoder.config.patchSize);
      const panel = { places: null, share: null };
      return {
        title: "What the student makes of the teacher's features",
        lead:
          "The first three principal components of features of patches, the teacher's and those that the student " +
          "predicts, all in the same colors: patches of one color are alike.",
        note: cosineNote,
        panels: [
          { ...panel, caption: "teacher", patches: slice(patches, 0, count, 2 * count) },
          { ...panel, caption: "student", patches: slice(patches, 0, 0, count), share },
        ],
        words: null,
      };
    }),
  );
}

/**
 * Distillation as a row of the table of methods. The rates are those of Proteus (Zhang et al. 2024, arXiv 2407.10366),
 * which distills on ImageNet: DeiT's. Clipping and crop are SplitMask's. There is no stochastic depth, as the targets
 * of each crop are known.
 */
export const distillationMethod: Method<
  typeof distillationFields,
  DistillationSettings,
  Teacher,
  Distillation
> = {
  name: "distillation",
  title: "Distillation",
  paper: "Ranzinger et al. 2023 (AM-RADIO), arXiv 2312.06709",
  fields: distillationFields,
  recipe: {
    learningRate: { value: 1e-3, batch: 1024, width: 384 },
    peakToMinimum: 100,
    warmupShare: 5 / 300,
    weightDecay: 0.05,
    clip: 3,
    dropPath: 0,
    cropScale: 0.2,
    colorsForFew: false,
  },
  async examine<Chosen extends object>(given: Chosen): Promise<Chosen> {
    const { teacher: path, teacherOutput: output, teacherSize: size } = given as ExaminedSettings;
    if (path === undefined) return given;
    const teacher = resolve(path);
    const examined = await OnnxTeacher.examine(teacher, { size, output }).catch((error: Error) => {
      throw new UsageError(`teacher: ${error.message}`, { cause: error });
    });
    return { ...given, teacher, examined };
  },
  decide(given: ExaminedSettings, { patches }, decisions) {
    const { examined, teacher } = given;
    if (teacher === undefined || examined === undefined) throw contradiction("teacher", missingTeacher);
    const facts = teacherFacts(examined, patches);
    const { patchWeight = facts.patches > 0 ? 1 : 0 } = given;
    if (patchWeight > 0 && facts.patches === 0) {
      throw contradiction(
        "patchWeight",
        `the teacher's output for a picture is ${examined.shape.join("×")}, without tokens for the student's ` +
          `${patches} patches: leave it out, or choose a teacherSize or a teacherOutput that has them`,
      );
    }
    decisions.note("teacher", teacherText(teacher, examined.size, facts), "given");
    decisions.note(
      "patches",
      patchWeight > 0 ? `learned, weight ${patchWeight}` : "not learned",
      given.patchWeight !== undefined
        ? "given"
        : facts.patches > 0
          ? "the teacher has a token for each"
          : `the teacher has no tokens for the student's ${patches}`,
    );
    return {
      ...{ teacher, teacherFacts: facts, patchWeight },
      teacherOutput: given.teacherOutput ?? null,
      teacherSize: examined.size,
      teacherMean: given.teacherMean ?? IMAGENET_MEAN,
      teacherStd: given.teacherStd ?? IMAGENET_STD,
      headWidth: given.headWidth ?? facts.width,
    };
  },
  views: (settings) => [encoderView(settings), teacherView(settings)],
  preparation: teacherPreparation,
  create(device, settings, teacher) {
    const { headWidth, patchWeight, seed } = settings;
    return new Distillation(device, {
      encoder: encoderConfig(settings),
      ...{ teacher, headWidth, patchWeight, seed },
    });
  },
  figures: {
    ...spreadFigures,
    pictureDistance: {
      title: "Distance from the teacher's features",
      caption: "Mean of 1 − cosine of the pictures' features: 0 for the teacher's directions, 1 for any.",
    },
  },
  look: distillationLooks,
};
