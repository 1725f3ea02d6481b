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

/** Share of a running mean or variance that is kept at an update; PyTorch calls the rest, 0.1, `momentum`. */
const runningMomentum = 0.9;

/** What a `BatchNormMlp` takes. */
export interface BatchNormMlpOptions {
  /** Widths from the input to the output. */
  readonly widths: readonly number[];
  /** Whether the output is normalized, too (without weight and bias); if not, the last layer has a bias. */
  readonly lastNorm: boolean;
  /** Draws the first weights. */
  readonly seed: number;
  /** Its dotted name in the model, which keys its random draws. */
  readonly purpose: string;
}

/** The result of a `BatchNormMlp`. */
export interface MlpOutput {
  /** B×out. */
  readonly output: Tensor;
  /** For each batch norm 2×C: mean and unbiased variance of the batch. Empty outside of training. */
  readonly statistics: readonly Tensor[];
}

/**
 * The projectors and predictors of methods that compare pictures: linear layers, each with a batch norm instead of a
 * bias, and ReLU between them. Parameters: `layers.0.weight` …, `norms.0.*` ….
 */
export class BatchNormMlp extends Module {
  /** The linear layers. */
  readonly layers: readonly Linear[];
  /** The batch norms after them; the last layer may have none. */
  readonly norms: readonly BatchNorm1d[];

  /** Draws the weights, Xavier-uniform (Glorot and Bengio 2010). */
  constructor(device: Device, { lastNorm, purpose, seed, widths }: BatchNormMlpOptions) {
    super();
    const outputs = widths.slice(1);
    const last = outputs.length - 1;
    this.layers = outputs.map(
      (outFeatures, index) =>
        new Linear(device, {
          ...{ inFeatures: widths[index]!, outFeatures, bias: index === last && !lastNorm },
          ...{ initializer: xavierUniform, seed, purpose: `${purpose}.layers.${index}` },
        }),
    );
    this.norms = (lastNorm ? outputs : outputs.slice(0, last)).map(
      (width, index) => new BatchNorm1d(device, { width, affine: index < last }),
    );
  }

  /**
   * Runs a batch through all layers.
   *
   * @param x B×D.
   * @param context In training, batch norms use the statistics of the batch.
   */
  forward(x: Tensor, context: ForwardContext): MlpOutput {
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
      const mapped = layer.forward(index === 0 ? input : relu(input), { precision });
      return this.norms[index]?.forward(mapped, context, observe) ?? mapped;
    }, x);
    return { output, statistics };
  }

  /**
   * Updates the running statistics with those of a batch.
   *
   * @param statistics What `forward` gave.
   */
  updateNorms(statistics: readonly Tensor[]): void {
    const moved = this.norms.flatMap(({ running_mean, running_var }, layer) =>
      [running_mean, running_var].map((average, row) => ({
        average,
        value: reshape(slice(statistics[layer]!, 0, row, row + 1), average.shape),
      })),
    );
    updateAverages(moved, runningMomentum);
  }
}
