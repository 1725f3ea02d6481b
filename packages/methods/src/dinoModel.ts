import {
  affine,
  concatenate,
  l2Normalize,
  linear,
  mean,
  noGrad,
  reshape,
  scope,
  slice,
  type Tensor,
  uniform,
  zeros,
} from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { type ForwardContext, type Initializer, Linear, Module, Parameter } from "@splitmask/nn";
import { VisionTransformer } from "@splitmask/vit";
import { pooledOutput } from "./pooledOutput.js";
import { follow, teacherOf } from "./teacher.js";

/** Sizes of a `DinoHead`. */
export interface DinoHeadOptions {
  /** Width of the two hidden layers. */
  readonly hiddenWidth: number;
  /** Width of the vectors that are compared with the prototypes. */
  readonly bottleneckWidth: number;
  /** K, how many prototypes there are. */
  readonly prototypes: number;
}

/** How PyTorch initializes linear layers: uniform in ±1/√in. */
const uniformByInputs: Initializer = (device, shape, key) => {
  const bound = 1 / Math.sqrt(shape[1]!);
  return uniform(device, shape, { low: -bound, high: bound, key });
};

/**
 * DINO's head: three linear layers with GELU between them, L2 normalization, and the cosines with K prototypes (a
 * weight-normalized linear layer whose gain stays 1). Parameters: `mlp.0.*` to `mlp.2.*`, `last_layer.weight`
 * K×bottleneck.
 */
export class DinoHead extends Module {
  /** Width → hidden → hidden → bottleneck. */
  readonly mlp: readonly Linear[];
  /** Bottleneck → K; only the directions of its rows matter, not their lengths. */
  readonly last_layer: Linear;

  /** Draws the weights: N(0, 0.02²), the prototypes uniform in ±1/√bottleneck; biases are 0. */
  constructor(
    device: Device,
    {
      bottleneckWidth,
      hiddenWidth,
      prototypes,
      seed,
      width,
    }: DinoHeadOptions & { readonly seed: number; readonly width: number },
  ) {
    super();
    const widths = [width, hiddenWidth, hiddenWidth, bottleneckWidth];
    this.mlp = widths
      .slice(1)
      .map(
        (outFeatures, index) =>
          new Linear(device, { inFeatures: widths[index]!, outFeatures, seed, purpose: `head.mlp.${index}` }),
      );
    this.last_layer = new Linear(device, {
      ...{ inFeatures: bottleneckWidth, outFeatures: prototypes, bias: false },
      ...{ initializer: uniformByInputs, seed, purpose: "head.last_layer" },
    });
  }

  /** R×D → R×bottleneck, at unit length. */
  embed(x: Tensor, { precision }: ForwardContext): Tensor {
    const [first, ...others] = this.mlp;
    const start = first!.forward(x, { precision });
    return l2Normalize(
      others.reduce((hidden, layer) => layer.forward(hidden, { inputActivation: "gelu", precision }), start),
    );
  }

  /**
   * The prototypes at unit length, K×bottleneck.
   *
   * @param trained Whether a gradient flows to them. Default true.
   */
  prototypes(trained = true): Tensor {
    const { weight } = this.last_layer;
    return l2Normalize(trained ? weight : weight.detach());
  }
}

/** A teacher's outputs. */
export interface TeacherOutput {
  /** R×K: the centered cosines, divided by the temperature. */
  readonly logits: Tensor;
  /** 1×K: the mean of the cosines over the R pictures, neither centered nor divided. */
  readonly mean: Tensor;
}

/** An encoder with DINO's head behind it. */
export class DinoNetwork extends Module {
  /** The vision transformer. */
  readonly encoder: VisionTransformer;
  /** The head. */
  readonly head: DinoHead;

  /** Puts both together. */
  constructor(encoder: VisionTransformer, head: DinoHead) {
    super();
    this.encoder = encoder;
    this.head = head;
  }
}

/**
 * DINO's teacher, its student and the center. `encoder.*` and `head.*` are the teacher's, which is not trained by
 * gradients and is what is evaluated and exported; `student.encoder.*` and `student.head.*` are trained, and `center`,
 * 1×K, is subtracted from the teacher's outputs.
 */
export class DinoModel extends Module {
  /** The teacher's vision transformer; in the paper it gives better features than the student's. */
  readonly encoder: VisionTransformer;
  /** The teacher's head. */
  readonly head: DinoHead;
  /** What is trained. */
  readonly student: DinoNetwork;
  /** 1×K: the moving mean of the teacher's outputs. */
  readonly center: Parameter;

  /**
   * Adds to a student's encoder its head, and a teacher that starts as a copy of both.
   *
   * @param device Where the model lives.
   * @param encoder The student's.
   * @param options Sizes of the head; `seed` draws its first weights.
   */
  constructor(
    device: Device,
    encoder: VisionTransformer,
    options: DinoHeadOptions & { readonly seed: number },
  ) {
    super();
    const makeHead = () => new DinoHead(device, { ...options, width: encoder.config.width });
    this.student = new DinoNetwork(encoder, makeHead());
    this.encoder = teacherOf(encoder, new VisionTransformer(device, encoder.config));
    this.head = teacherOf(this.student.head, makeHead());
    this.center = Parameter.begin(device, () => zeros(device, [1, options.prototypes]));
    this.center.requiresGrad = false;
  }

  /** Updates the teacher's weights: momentum·teacher + (1 − momentum)·student. */
  follow(momentum: number): void {
    follow(this.encoder, this.student.encoder, momentum);
    follow(this.head, this.student.head, momentum);
  }

  /**
   * The teacher's outputs for pictures. Records no graph.
   *
   * @param images R×C×H×W.
   * @param temperature What the centered cosines are divided by.
   * @param context Seed, step and precision; a teacher drops no paths.
   */
  teach(images: Tensor, temperature: number, context: ForwardContext): TeacherOutput {
    const { precision } = context;
    return noGrad(images.device, () =>
      scope(images.device, () => {
        const pooled = pooledOutput(this.encoder, images, { ...context, training: false });
        const embedded = this.head.embed(pooled, context);
        const prototypes = this.head.prototypes();
        const shift = reshape(affine(this.center, -1 / temperature, 0), [this.center.size]);
        return {
          logits: linear(affine(embedded, 1 / temperature, 0), prototypes, shift, { precision }),
          // The mean of the cosines is the cosine of the mean.
          mean: linear(mean(embedded, { axes: [0], keepDimensions: true }), prototypes, null, { precision }),
        };
      }),
    );
  }

  /**
   * The student's outputs for each view.
   *
   * @param global (G·B)×C×H×W: the global views, concatenated.
   * @param local (L·B)×C×h×w: the local ones; null: there are none.
   * @param options `pictures`: B; `temperature`: what cosines are divided by; `trained`: whether the prototypes get a
   *   gradient.
   * @returns One B×K for each view: logits.
   */
  study(
    global: Tensor,
    local: Tensor | null,
    options: { readonly pictures: number; readonly temperature: number; readonly trained: boolean },
    context: ForwardContext,
  ): Tensor[] {
    const { pictures, temperature, trained } = options;
    const { precision } = context;
    return scope(global.device, () => {
      const groups = [global, ...(local === null ? [] : [local])];
      const pooled = groups.map((images) => pooledOutput(this.student.encoder, images, context));
      const embedded = this.student.head.embed(concatenate(pooled, 0), context);
      const scaled = affine(embedded, 1 / temperature, 0);
      const prototypes = this.student.head.prototypes(trained);
      return Array.from({ length: scaled.shape[0]! / pictures }, (_, view) => {
        const own = slice(scaled, 0, view * pictures, (view + 1) * pictures);
        return linear(own, prototypes, null, { precision });
      });
    });
  }
}
