import { concatenate, relu, reshape, slice, type Tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import {
  BatchNorm1d,
  type BatchStatistics,
  type ForwardContext,
  Linear,
  Module,
  xavierUniform,
} from "@splitmask/nn";
import { updateAverages } from "@splitmask/optim";
import { VisionTransformer } from "@splitmask/vit";
import { follow, teacherOf } from "./teacher.js";

/** How much of a running mean or variance stays at an update: PyTorch's batch norm. */
const runningMomentum = 0.9;

/** Widths of the layers of a `MocoV3Head`, from the input to the output. */
export type HeadWidths = readonly number[];

/** What a head makes of a view. */
export interface HeadOutput {
  /** B×D. */
  readonly output: Tensor;
  /** Of each norm, 2×C: mean and variance of the batch; none outside of training. */
  readonly statistics: readonly Tensor[];
}

/**
 * MoCo v3's projector or predictor: linear layers without bias, each with a batch norm, and ReLU between them; the last
 * norm neither scales nor shifts. Parameters: `layers.0.weight` …, `norms.0.*` ….
 */
export class MocoV3Head extends Module {
  /** The linear layers. */
  readonly layers: readonly Linear[];
  /** The norm behind each. */
  readonly norms: readonly BatchNorm1d[];

  /** Draws the weights: uniform by both widths (Glorot and Bengio 2010). */
  constructor(
    device: Device,
    widths: HeadWidths,
    options: { readonly seed: number; readonly purpose: string },
  ) {
    super();
    const { purpose, seed } = options;
    const outputs = widths.slice(1);
    this.layers = outputs.map(
      (outFeatures, index) =>
        new Linear(device, {
          ...{ inFeatures: widths[index]!, outFeatures, bias: false },
          ...{ initializer: xavierUniform, seed, purpose: `${purpose}.layers.${index}` },
        }),
    );
    this.norms = outputs.map(
      (width, index) => new BatchNorm1d(device, { width, affine: index < outputs.length - 1 }),
    );
  }

  /**
   * @param x B×D.
   * @param context In training, norms go by the batch.
   */
  forward(x: Tensor, context: ForwardContext): HeadOutput {
    const { precision } = context;
    const statistics: Tensor[] = [];
    const observe = ({ mean, variance }: BatchStatistics) => {
      statistics.push(
        concatenate(
          [mean, variance].map((each) => reshape(each, [1, each.size])),
          0,
        ),
      );
    };
    const output = this.layers.reduce((input, layer, index) => {
      const activated = index === 0 ? input : relu(input);
      return this.norms[index]!.forward(layer.forward(activated, { precision }), context, observe);
    }, x);
    return { output, statistics };
  }
}

/** What MoCo v3 has besides its encoder. */
export interface MocoV3HeadOptions {
  /** Width of the hidden layers. */
  readonly hiddenWidth: number;
  /** Width of the vectors that are compared. */
  readonly outWidth: number;
}

/** The momentum encoder and its projector. */
export class MocoV3Teacher extends Module {
  /** The encoder's moving average. */
  readonly encoder: VisionTransformer;
  /** The projector's; its norms have running statistics of their own. */
  readonly projector: MocoV3Head;

  /** Puts both together. */
  constructor(encoder: VisionTransformer, projector: MocoV3Head) {
    super();
    this.encoder = encoder;
    this.projector = projector;
  }
}

/** The heads whose norms measure, by their names in the model. */
const headNames = ["projector", "predictor", "teacher"] as const;

/** Which head of a `MocoV3Model`; `"teacher"`: its projector. */
export type MocoV3HeadName = (typeof headNames)[number];

/**
 * MoCo v3's encoder with projector and predictor, which are trained, and its momentum encoder. Parameters: `encoder.*`,
 * `projector.*`, `predictor.*`, and without gradients `teacher.encoder.*` and `teacher.projector.*`.
 */
export class MocoV3Model extends Module {
  /** The vision transformer that is trained, and wanted afterwards. */
  readonly encoder: VisionTransformer;
  /** D → hidden → hidden → out. */
  readonly projector: MocoV3Head;
  /** out → hidden → out. */
  readonly predictor: MocoV3Head;
  /** What makes the keys. */
  readonly teacher: MocoV3Teacher;

  /**
   * Puts heads and a teacher, which begins as a copy, beside an encoder.
   *
   * @param options Widths of the heads; `seed` draws their first weights; `freezePatches`: the patch projection stays as
   *   it is drawn.
   */
  constructor(
    device: Device,
    encoder: VisionTransformer,
    options: MocoV3HeadOptions & { readonly seed: number; readonly freezePatches: boolean },
  ) {
    super();
    const { freezePatches, hiddenWidth, outWidth, seed } = options;
    const makeProjector = () => {
      const widths = [encoder.config.width, hiddenWidth, hiddenWidth, outWidth];
      return new MocoV3Head(device, widths, { seed, purpose: "projector" });
    };
    if (freezePatches) for (const each of encoder.patch_embed.parameters()) each.requiresGrad = false;
    this.encoder = encoder;
    this.projector = makeProjector();
    this.predictor = new MocoV3Head(device, [outWidth, hiddenWidth, outWidth], {
      seed,
      purpose: "predictor",
    });
    this.teacher = new MocoV3Teacher(
      teacherOf(encoder, new VisionTransformer(device, encoder.config)),
      teacherOf(this.projector, makeProjector()),
    );
  }

  /** A head by its name. */
  head(name: MocoV3HeadName): MocoV3Head {
    return name === "teacher" ? this.teacher.projector : this[name];
  }

  /** Takes the teacher towards what is trained: what of it stays is `momentum`. */
  follow(momentum: number): void {
    follow(this.teacher.encoder, this.encoder, momentum);
    follow(this.teacher.projector, this.projector, momentum);
  }

  /**
   * Takes over into the running statistics what norms measured, view after view.
   *
   * @param statistics 2×C each by the names of `statisticsName`.
   * @param views How many there are.
   */
  updateNorms(statistics: Readonly<Record<string, Tensor>>, views: number): void {
    for (let view = 0; view < views; view++) {
      const moved = headNames.flatMap((name) =>
        this.head(name).norms.flatMap(({ running_mean, running_var }, layer) => {
          const measured = statistics[statisticsName(name, view, layer)]!;
          const row = (index: number) => reshape(slice(measured, 0, index, index + 1), running_mean.shape);
          return [
            { average: running_mean, value: row(0) },
            { average: running_var, value: row(1) },
          ];
        }),
      );
      updateAverages(moved, runningMomentum);
    }
  }
}

/** The name under which a loss hands over what a norm measured of a view. */
export function statisticsName(head: MocoV3HeadName, view: number, layer: number): string {
  return `${head}.norms.${layer} of view ${view}`;
}
