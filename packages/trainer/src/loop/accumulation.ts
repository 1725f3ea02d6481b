import {
  add,
  affine,
  concatenate,
  leavesOf,
  mean,
  multiply,
  noGrad,
  reshape,
  scope,
  slice,
  sum,
  type Tensor,
} from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import type { ForwardContext, SampleRange } from "@splitmask/nn";
import type { BatchSource } from "./batchSource.js";
import type { CrossSampleLoss, TaskLoss, TrainingTask } from "./trainingTask.js";

/** Some samples of a batch, with what their forward pass has to know. */
interface MicroBatch<Batch> {
  readonly batch: Batch;
  readonly samples: SampleRange;
}

/** Cuts a batch in micro-batches; what it makes on the device belongs to the scope at hand. */
export type BatchCutter<Batch> = (batch: Batch) => readonly MicroBatch<Batch>[];

/**
 * Checks that the batches of a source can be cut in `count` equal parts.
 *
 * @returns null for one part.
 * @throws RangeError If they cannot, with what to change.
 */
export function batchCutter<Batch>(source: BatchSource<Batch>, count: number): BatchCutter<Batch> | null {
  if (count === 1) return null;
  const total = source.batchSize;
  if (source.slice === undefined) {
    throw new RangeError(
      `train: accumulate is ${count}, but the batch source has no slice(batch, start, end), ` +
        "which cuts a batch in micro-batches. Give it one (ImageLoader has it), or leave accumulate out.",
    );
  }
  if (total % count !== 0) {
    throw new RangeError(
      `train: accumulate is ${count} and a batch has ${total} samples, which are not ${count} equal parts. ` +
        `Use a batch that is a multiple of ${count}, or a divisor of ${total}.`,
    );
  }
  const part = total / count;
  return (batch) =>
    Array.from({ length: count }, (_, index) => {
      const first = index * part;
      return { batch: source.slice!(batch, first, first + part), samples: { first, count: part, total } };
    });
}

/**
 * The loss of a batch, and its gradient added to the parameters.
 *
 * @param cut null: the whole batch at once.
 * @returns The loss's numbers and statistics, without a graph.
 */
export function backwardLoss<Batch>(
  device: Device,
  task: TrainingTask<Batch>,
  batch: Batch,
  context: ForwardContext,
  cut: BatchCutter<Batch> | null,
): Required<TaskLoss> {
  if (cut === null) {
    const loss = task.loss(batch, context);
    checkTotal(task, loss).backward();
    return detached(loss);
  }
  const parts = cut(batch);
  if (task.crossSampleLoss) return backwardAcross(device, task, task.crossSampleLoss, parts, context);
  return meanOf(
    parts.map(({ batch: part, samples }) =>
      scope(device, () => {
        const loss = task.loss(part, { ...context, samples });
        affine(checkTotal(task, loss), 1 / parts.length, 0).backward();
        return detached(loss);
      }),
    ),
  );
}

/**
 * GradCache: embeds all micro-batches without a graph, takes the gradient of the comparison with respect to the
 * descriptors of the whole batch, and goes through each micro-batch once more with its share of it. The gradients are
 * those of the whole batch at once; only one micro-batch's graph is in memory.
 */
function backwardAcross<Batch>(
  device: Device,
  task: TrainingTask<Batch>,
  across: CrossSampleLoss<Batch>,
  parts: readonly MicroBatch<Batch>[],
  context: ForwardContext,
): Required<TaskLoss> {
  const embedded = noGrad(device, () =>
    parts.map(({ batch, samples }) =>
      scope(device, () => across.embed(batch, { ...context, samples }).descriptors),
    ),
  );
  const descriptors = embedded[0]!.map((_, index) => {
    const all = concatenate(
      embedded.map((own) => own[index]!),
      0,
    );
    all.requiresGrad = true;
    return all;
  });
  const compared = across.loss(descriptors, context);
  checkTotal(task, compared, descriptors).backward();
  const own = parts.flatMap(({ batch, samples }) =>
    scope(device, () => {
      const part = across.embed(batch, { ...context, samples });
      const loss = part.ownLoss();
      const terms = part.descriptors.flatMap((descriptor, index) => {
        const gradient = descriptors[index]!.grad;
        if (gradient === null) return [];
        // Its gradient with respect to the descriptor is what was cached.
        return [sum(multiply(descriptor, slice(gradient, 0, samples.first, samples.first + samples.count)))];
      });
      if (loss !== null) terms.push(affine(checkTotal(task, loss), 1 / parts.length, 0));
      terms.reduce((total, term) => add(total, reshape(term, []))).backward();
      return loss === null ? [] : [detached(loss)];
    }),
  );
  for (const all of descriptors) all.grad?.dispose();
  const comparison = detached(compared);
  if (own.length === 0) return comparison;
  const alone = meanOf(own);
  return {
    total: add(alone.total, reshape(comparison.total, [])),
    parts: { ...alone.parts, ...comparison.parts },
    statistics: { ...alone.statistics, ...comparison.statistics },
  };
}

/** The loss, checked: a scalar that depends on nothing trainable but the model, and perhaps on descriptors. */
function checkTotal<Batch>(
  task: TrainingTask<Batch>,
  { total }: TaskLoss,
  descriptors: readonly Tensor[] = [],
): Tensor {
  if (total.size !== 1) {
    throw new Error(
      `train: the loss of task ${task.name} is ${total.shape.join("×")}; total must be a scalar. ` +
        "Reduce it with mean or sum.",
    );
  }
  const known = new Set<Tensor>([...task.model.parameters(), ...descriptors]);
  const unknown = leavesOf(total).filter((leaf) => !known.has(leaf));
  if (unknown.length > 0) {
    const shapes = unknown.slice(0, 5).map(({ shape }) => shape.join("×"));
    throw new Error(
      `train: the loss of task ${task.name} depends on ${unknown.length} trainable tensors that its model does not ` +
        `have (${shapes.join(", ")}${unknown.length > shapes.length ? " …" : ""}), so nothing would train them. ` +
        "Give the model a property for each layer, or an array of layers: it does not see #private fields and maps.",
    );
  }
  return total;
}

type NamedTensors = Readonly<Record<string, Tensor>>;

function mapTensors(named: NamedTensors, change: (tensor: Tensor, name: string) => Tensor): NamedTensors {
  return Object.fromEntries(Object.entries(named).map(([name, tensor]) => [name, change(tensor, name)]));
}

function detached({ total, parts, statistics = {} }: TaskLoss): Required<TaskLoss> {
  const alone = (tensor: Tensor) => tensor.detach();
  return { total: alone(total), parts: mapTensors(parts, alone), statistics: mapTensors(statistics, alone) };
}

/** The mean of the micro-batches' losses, which are as large as each other. */
function meanOf(losses: readonly Required<TaskLoss>[]): Required<TaskLoss> {
  const average = (tensors: readonly Tensor[]) => {
    const rows = tensors.map((tensor) => reshape(tensor, [1, ...tensor.shape]));
    return mean(concatenate(rows, 0), { axes: [0] });
  };
  const { parts, statistics } = losses[0]!;
  return {
    total: average(losses.map((loss) => loss.total)),
    parts: mapTensors(parts, (_, name) => average(losses.map((loss) => loss.parts[name]!))),
    statistics: mapTensors(statistics, (_, name) => average(losses.map((loss) => loss.statistics[name]!))),
  };
}
