import { basename } from "node:path";
import {
  concatenate,
  mean,
  noGrad,
  normal,
  permute,
  reshape,
  scope,
  slice,
  type Tensor,
} from "@splitmask/autograd";
import { createDevice, type Device } from "@splitmask/kernels";
import { OnnxModel } from "@splitmask/onnx";

/** What is known of a teacher. */
export interface TeacherFacts {
  /** Width of its features. */
  readonly width: number;
  /** How many of its tokens belong to the student's patches, one to each; 0: it has none of the student's grid. */
  readonly patches: number;
  /** What it takes for a picture, in seconds. */
  readonly secondsPerPicture: number;
}

/** A model whose features a student learns. */
export interface Teacher extends TeacherFacts {
  /**
   * @param images B×3×S×S, as the teacher expects them.
   * @returns B×(1 + patches)×width: the feature of the whole picture, then those of its patches, row by row.
   */
  features(images: Tensor): Promise<Tensor>;
}

/** What is read of a teacher's file before a run. */
export interface ExaminedTeacher {
  /** The side of its pictures in pixels. */
  readonly size: number;
  /** The sizes of its output for a picture. */
  readonly shape: readonly number[];
  /** What it takes for a picture, in seconds. */
  readonly secondsPerPicture: number;
}

/** The side of a teacher's pictures where its file leaves it open, and nothing is given. */
const usualSize = 224;
/** Pictures that a teacher is tried on. */
const triedPictures = 4;
/** A class token, and at most so many registers, stand before the tokens of the patches. */
const mostPrefixTokens = 9;

/** How many rows there are, and which of them belong to patches. */
interface TokenLayout {
  /** Rows before those of the patches. */
  readonly prefix: number;
  /** Rows of patches; 0: none of the student's grid. */
  readonly patches: number;
  /** Whether the first row stands for the whole picture; else their mean does. */
  readonly hasClassToken: boolean;
}

/** How the rows of a teacher's output are read beside a student of so many patches. */
function layoutOf(rows: number, patches: number): TokenLayout {
  const prefix = rows - patches;
  // Grids are square; with a class token or registers in front they are not.
  const isGrid = Number.isInteger(Math.sqrt(rows));
  const isSame = prefix === 0 || (prefix > 0 && prefix <= mostPrefixTokens && !isGrid);
  if (rows > 1 && isSame) return { prefix, patches, hasClassToken: prefix > 0 };
  return { prefix: 0, patches: 0, hasClassToken: !isGrid };
}

/** Rows and width of an output D, N×D or D×h×w of a picture. */
function rowsOf(shape: readonly number[]): readonly [rows: number, width: number] {
  if (shape.length === 1) return [1, shape[0]!];
  if (shape.length === 2) return [shape[0]!, shape[1]!];
  return [shape[1]! * shape[2]!, shape[0]!];
}

/**
 * What a teacher's output is beside a student.
 *
 * @param examined The teacher.
 * @param patches The student's patches.
 */
export function teacherFacts({ secondsPerPicture, shape }: ExaminedTeacher, patches: number): TeacherFacts {
  const [rows, width] = rowsOf(shape);
  return { width, patches: layoutOf(rows, patches).patches, secondsPerPicture };
}

/** Features from a model's output: B×D, B×N×D or B×D×h×w. */
function featuresOf(output: Tensor, patches: number): Tensor {
  const { device } = output;
  const [pictures, ...shape] = output.shape as readonly [number, ...number[]];
  const [rows, width] = rowsOf(shape);
  return noGrad(device, () =>
    scope(device, () => {
      const ordered = shape.length === 3 ? permute(output, [0, 2, 3, 1]) : output;
      const tokens = reshape(ordered, [pictures, rows, width]);
      const layout = layoutOf(rows, patches);
      const whole = layout.hasClassToken
        ? slice(tokens, 1, 0, 1)
        : mean(tokens, { axes: [1], keepDimensions: true });
      return layout.patches === 0 ? whole : concatenate([whole, slice(tokens, 1, layout.prefix)], 1);
    }),
  );
}

/** Options of `OnnxTeacher`. */
export interface OnnxTeacherOptions {
  /** The name of the output; null: the first. */
  readonly output: string | null;
  /** What is known of it. */
  readonly facts: TeacherFacts;
  /** The student's patches. */
  readonly patches: number;
}

/** A teacher in an ONNX file. The file is opened when features are asked for. */
export class OnnxTeacher implements Teacher {
  /** Width of its features. */
  readonly width: number;
  /** How many of its tokens belong to the student's patches; 0: none. */
  readonly patches: number;
  /** What it takes for a picture, in seconds. */
  readonly secondsPerPicture: number;
  /** The file. */
  readonly path: string;
  readonly #options: OnnxTeacherOptions;
  #model: Promise<OnnxModel> | null = null;

  /**
   * @param path The `.onnx` file.
   * @param options The output, and what is known of it.
   */
  constructor(path: string, options: OnnxTeacherOptions) {
    this.path = path;
    this.#options = options;
    ({ width: this.width, patches: this.patches, secondsPerPicture: this.secondsPerPicture } = options.facts);
  }

  /**
   * @param images B×3×S×S, as the model expects them.
   * @returns B×(1 + patches)×width.
   * @throws Error (rejects) If the file cannot be read, or does not fit the pictures.
   */
  async features(images: Tensor): Promise<Tensor> {
    const { output, patches } = this.#options;
    this.#model ??= OnnxModel.load(this.path, { threads: images.device.threads });
    const given = await (await this.#model).run(images, output === null ? {} : { output });
    const features = featuresOf(given, patches);
    given.dispose();
    return features;
  }

  /**
   * Reads what a run has to know of a teacher, and tries it.
   *
   * @param path The `.onnx` file.
   * @param given The side of its pictures and the name of its output, where they are given.
   * @throws Error (rejects) If the file is no teacher.
   */
  static async examine(
    path: string,
    given: { readonly size?: number | undefined; readonly output?: string | undefined },
  ): Promise<ExaminedTeacher> {
    const device = createDevice({ threads: 1 });
    const model = await OnnxModel.load(path);
    try {
      const size = given.size ?? model.imageSize ?? usualSize;
      const key = { seed: 0, purpose: "teacher" };
      const images = normal(device, [triedPictures, 3, size, size], { key });
      const options = given.output === undefined ? {} : { output: given.output };
      await model.run(images, options); // once for what is made at the first run
      const started = performance.now();
      const { shape } = await model.run(images, options);
      const seconds = (performance.now() - started) / 1000;
      const each = shape.slice(1);
      if (each.length < 1 || each.length > 3) {
        throw new Error(
          `${path} gives ${shape.join("×")} for ${triedPictures} pictures; expected features: B×D, tokens B×N×D ` +
            "or a map B×D×h×w. Choose another output (teacherOutput).",
        );
      }
      return { size, shape: each, secondsPerPicture: seconds / triedPictures };
    } finally {
      await model.close();
      device.close();
    }
  }
}

/** A teacher that gives zeros, for estimates. */
export function teacherStandIn(device: Device, facts: TeacherFacts): Teacher {
  return {
    ...facts,
    features: async ({ shape: [pictures] }) =>
      normal(device, [pictures!, 1 + facts.patches, facts.width], { key: { seed: 0, purpose: "teacher" } }),
  };
}

/** A teacher as people read it: `vit.onnx: 384 features, of pictures of 224 pixels and of their 196 patches`. */
export function teacherText(path: string, size: number, { patches, width }: TeacherFacts): string {
  const parts = patches === 0 ? "" : ` and of their ${patches} patches`;
  return `${basename(path)}: ${width} features, of pictures of ${size} pixels${parts}`;
}
