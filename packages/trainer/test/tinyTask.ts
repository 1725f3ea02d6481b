import { linear, log, mean, normal, relu, square, subtract, type Tensor, tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { Linear, Module, truncatedNormalInitializer } from "@splitmask/nn";
import type { BatchSource, TrainingTask } from "@splitmask/trainer";

/** Points and what a fixed matrix makes of them. */
export interface Points {
  readonly inputs: Tensor;
  readonly targets: Tensor;
}

const initializer = truncatedNormalInitializer(0.3);

/** A perceptron with one hidden layer. */
export class Perceptron extends Module {
  readonly hidden: Linear;
  readonly output: Linear;

  constructor(device: Device, width: number, hidden: number) {
    super();
    this.hidden = new Linear(device, {
      inFeatures: width,
      outFeatures: hidden,
      seed: 1,
      purpose: "hidden",
      initializer,
    });
    this.output = new Linear(device, {
      inFeatures: hidden,
      outFeatures: 1,
      seed: 1,
      purpose: "output",
      initializer,
    });
  }

  forward(inputs: Tensor): Tensor {
    return this.output.forward(relu(this.hidden.forward(inputs)));
  }
}

/** Least squares; noise is drawn from the context, so a step that is repeated with another context differs. */
export function regression(device: Device, width = 8, hidden = 16, nanAtStep = -1): TrainingTask<Points> {
  const model = new Perceptron(device, width, hidden);
  return {
    name: "regression",
    model,
    loss(batch, context) {
      const { seed, step } = context;
      const noise = normal(device, batch.inputs.shape, {
        standardDeviation: 0.01,
        key: { seed, purpose: "noise", step },
      });
      const predicted = model.forward(subtract(batch.inputs, noise));
      let total = mean(square(subtract(predicted, batch.targets)));
      if (step === nanAtStep) total = log(subtract(total, tensor(device, 1e6)));
      return { total, parts: { error: total } };
    },
  };
}

/** A batch is a function of its step. */
export function points(
  device: Device,
  width = 8,
  batchSize = 32,
): BatchSource<Points> & { released: number } {
  const matrix = normal(device, [1, width], { key: { seed: 7, purpose: "matrix" } });
  return {
    batchSize,
    batchesPerEpoch: 10,
    released: 0,
    async batch(step) {
      await new Promise((resolve) => setTimeout(resolve, step % 2));
      const inputs = normal(device, [batchSize, width], { key: { seed: 7, purpose: "inputs", step } });
      return { inputs, targets: linear(inputs, matrix, null) };
    },
    release(batch) {
      this.released++;
      batch.inputs.dispose();
      batch.targets.dispose();
    },
  };
}
