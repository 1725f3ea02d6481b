import type { Tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { Module } from "@splitmask/nn";
import { VisionTransformer } from "@splitmask/vit";
import { BatchNormMlp } from "./batchNormMlp.js";
import { follow, teacherOf } from "./teacher.js";

/** What MoCo v3 has besides its encoder. */
export interface MocoV3HeadOptions {
  /** Width of the hidden layers. */
  readonly hiddenWidth: number;
  /** Width of queries and keys. */
  readonly outWidth: number;
}

/** The momentum encoder and its projector. */
export class MocoV3Teacher extends Module {
  /** The encoder's moving average. */
  readonly encoder: VisionTransformer;
  /** The projector's moving average; its batch norms have running statistics of their own. */
  readonly projector: BatchNormMlp;

  /** Puts both together. */
  constructor(encoder: VisionTransformer, projector: BatchNormMlp) {
    super();
    this.encoder = encoder;
    this.projector = projector;
  }
}

/** The heads with batch norms. */
const headNames = ["projector", "predictor", "teacher"] as const;

/** A head of a `MocoV3Model`; `"teacher"` is the momentum encoder's projector. */
export type MocoV3HeadName = (typeof headNames)[number];

/**
 * MoCo v3's encoder with projector and predictor, which are trained, and its momentum encoder. Parameters: `encoder.*`,
 * `projector.*`, `predictor.*`, and without gradients `teacher.encoder.*` and `teacher.projector.*`.
 */
export class MocoV3Model extends Module {
  /** The vision transformer that is trained, evaluated and exported. */
  readonly encoder: VisionTransformer;
  /** D → hidden → hidden → out. */
  readonly projector: BatchNormMlp;
  /** out → hidden → out. */
  readonly predictor: BatchNormMlp;
  /** What makes the keys. */
  readonly teacher: MocoV3Teacher;

  /**
   * Adds heads to an encoder, and a momentum encoder with projector, which start as copies.
   *
   * @param options Widths of the heads; `seed` draws their first weights; `freezePatches`: the patch projection is not
   *   trained.
   */
  constructor(
    device: Device,
    encoder: VisionTransformer,
    options: MocoV3HeadOptions & { readonly seed: number; readonly freezePatches: boolean },
  ) {
    super();
    const { freezePatches, hiddenWidth, outWidth, seed } = options;
    const makeHead = (purpose: string, widths: readonly number[]) =>
      new BatchNormMlp(device, { widths, lastNorm: true, seed, purpose });
    const makeProjector = () =>
      makeHead("projector", [encoder.config.width, hiddenWidth, hiddenWidth, outWidth]);
    if (freezePatches) for (const each of encoder.patch_embed.parameters()) each.requiresGrad = false;
    this.encoder = encoder;
    this.projector = makeProjector();
    this.predictor = makeHead("predictor", [outWidth, hiddenWidth, outWidth]);
    this.teacher = new MocoV3Teacher(
      teacherOf(encoder, new VisionTransformer(device, encoder.config)),
      teacherOf(this.projector, makeProjector()),
    );
  }

  /** A head by its name. */
  head(name: MocoV3HeadName): BatchNormMlp {
    return name === "teacher" ? this.teacher.projector : this[name];
  }

  /** Updates the momentum encoder's weights: momentum·teacher + (1 − momentum)·trained. */
  follow(momentum: number): void {
    follow(this.teacher.encoder, this.encoder, momentum);
    follow(this.teacher.projector, this.projector, momentum);
  }

  /**
   * Updates the running statistics with those of a batch, view after view.
   *
   * @param statistics 2×C each (mean and unbiased variance), by the names that `statisticsName` gives.
   * @param views Number of views.
   */
  updateNorms(statistics: Readonly<Record<string, Tensor>>, views: number): void {
    for (let view = 0; view < views; view++) {
      for (const name of headNames) {
        const head = this.head(name);
        head.updateNorms(head.norms.map((_, layer) => statistics[statisticsName(name, view, layer)]!));
      }
    }
  }
}

/** The name of the entry of a batch norm and a view in the loss's `statistics`. */
export function statisticsName(head: MocoV3HeadName, view: number, layer: number): string {
  return `${head}.norms.${layer} of view ${view}`;
}
