import {
  empty,
  type ObservedOperation,
  type OperationObserver,
  observeOperations,
  type Tensor,
} from "@splitmask/autograd";
import { anyElementTypes, type Device } from "@splitmask/kernels";
import type { StateHistory } from "./stateHistory.js";
import type { StepMoment, StepRunner } from "./stepRunner.js";

/** Where in a step the first value came up that is not finite. */
export interface NonFiniteOrigin {
  /**
   * `"forward"` or `"backward"`: an operation or its gradient rule made it; `"given"`: an input or a parameter had it
   * before the step; `"between"`: a kernel outside of the operations (a sum of gradients, the norm).
   */
  readonly stage: "forward" | "backward" | "given" | "between";
  /** Name of the operation, e.g. `"log"`; in the stage `"between"` the one that follows, or `"the end"`. */
  readonly operation: string;
  /**
   * What the operation was a part of, where others are made of it: `"checkpoint"`, `"the gradient rule of rmsNorm"`;
   * null where it stood alone.
   */
  readonly within: string | null;
  /** Which tensor: `"output"`, the name of an input, or `"intermediate"` for one that lies inside of the operation. */
  readonly tensor: string;
  /** Its shape. */
  readonly shape: readonly number[];
  /** The parameter that the operation reads, or the last one that was read before; null where there was none. */
  readonly parameter: string | null;
  /** What the device says: the kernel, and which element. */
  readonly kernel: string;
}

/** A place in the queue, and what the device says of the kernels since the place before. */
interface Mark {
  readonly place: Omit<NonFiniteOrigin, "kernel">;
  /** Resolves to null where all was finite. */
  readonly failure: Promise<string | null>;
  /** Where several tensors were made, a mark for each. */
  readonly each: readonly Mark[];
}

/** Marks places on the queue: before and after every operation, and after each tensor that is looked at by itself. */
class Tracer implements OperationObserver {
  readonly marks: Mark[] = [];
  readonly #device: Device;
  readonly #names: ReadonlyMap<Tensor, string>;
  readonly #known = new WeakSet<Tensor>();
  readonly #running: ObservedOperation[] = [];
  #parameter: string | null = null;

  constructor(device: Device, parameters: ReadonlyMap<string, Tensor>) {
    this.#device = device;
    this.#names = new Map([...parameters].map(([name, tensor]) => [tensor, name]));
  }

  begins(operation: ObservedOperation): void {
    const { direction, inputs, name } = operation;
    this.outside(name);
    const within = this.#within();
    this.#running.push(operation);
    if (direction === "backward") return;
    for (const [input, tensor] of Object.entries(inputs)) {
      if (tensor === null) continue;
      const parameter = this.#names.get(tensor) ?? null;
      this.#parameter = parameter ?? this.#parameter;
      if (this.#known.has(tensor) || !isFloating(tensor)) continue;
      this.#known.add(tensor);
      look(tensor);
      this.marks.push(
        this.#mark({
          stage: "given",
          operation: name,
          within,
          tensor: input,
          shape: tensor.shape,
          parameter,
        }),
      );
    }
  }

  ends({ direction, name }: ObservedOperation, outputs: Readonly<Record<string, Tensor | null>>): void {
    this.#running.pop();
    const within = this.#within();
    const made = Object.entries(outputs).filter((entry): entry is [string, Tensor] => entry[1] !== null);
    if (made.length === 0) return;
    const parameter = this.#parameter;
    const places = made.map(([tensor, { shape }]) => ({
      stage: direction,
      operation: name,
      within,
      tensor,
      shape,
      parameter,
    }));
    const mark = this.#mark(places[0]!);
    const each = made.map(([, tensor], index) => {
      this.#known.add(tensor);
      if (isFloating(tensor)) look(tensor);
      return this.#mark(places[index]!);
    });
    this.marks.push({ ...mark, each });
  }

  /** Marks the end of kernels that belong to no operation, or to one that is made of others, by themselves. */
  outside(next: string): void {
    const around = this.#running.at(-1);
    const within = this.#within(-2);
    const place =
      around === undefined
        ? ({ stage: "between", operation: next, tensor: "", parameter: null } as const)
        : ({
            stage: around.direction,
            operation: around.name,
            tensor: "intermediate",
            parameter: this.#parameter,
          } as const);
    this.marks.push(this.#mark({ ...place, within, shape: [] }));
  }

  /** The operation that is running, as a text; at −2 the one around it. */
  #within(place = -1): string | null {
    const operation = this.#running.at(place);
    if (operation === undefined) return null;
    return operation.direction === "forward" ? operation.name : `the gradient rule of ${operation.name}`;
  }

  #mark(place: Mark["place"]): Mark {
    const failure = this.#device.synchronize().then(
      () => null,
      (error: Error) => error.message,
    );
    return { place, failure, each: [] };
  }
}

function isFloating(tensor: Tensor): boolean {
  return ["float32", "float64", "bfloat16"].includes(tensor.dtype);
}

/** Enqueues a kernel that passes a tensor on, so that the device looks at its elements. */
function look(tensor: Tensor): void {
  const { device, dtype, shape, size } = tensor;
  const output = empty(device, shape, dtype === "bfloat16" ? "float32" : dtype);
  device.run("cast", dtype === "float64" ? "float64" : "float32", {
    output,
    input: tensor,
    size,
    inputType: anyElementTypes[dtype === "bfloat16" ? "bfloat16" : "dtype"],
    outputType: anyElementTypes.dtype,
  });
  output.dispose();
}

/**
 * Puts everything back as it was before a step and runs it again without changing anything, on a device that looks at
 * every kernel's outputs, to find where the first value came up that is not finite.
 *
 * @returns null where none came up.
 */
export async function traceNonFinite<Batch>(
  device: Device,
  runner: StepRunner<Batch>,
  history: StateHistory,
  moment: StepMoment,
  batch: Batch,
): Promise<NonFiniteOrigin | null> {
  await device.synchronize();
  history.restore(moment.step);
  const tracer = new Tracer(device, runner.namedParameters);
  device.checkFinite = true;
  try {
    const running = observeOperations(device, tracer, () => runner.run(moment, batch));
    running.catch(() => undefined);
    tracer.outside("the end");
  } finally {
    device.checkFinite = false;
  }
  await device.synchronize().catch(() => undefined);
  for (const { each, failure, place } of tracer.marks) {
    const words = await failure;
    if (words === null) continue;
    const failures = await Promise.all(each.map((mark) => mark.failure));
    const exact = each[failures.findIndex((other) => other !== null)]?.place ?? place;
    return { ...exact, kernel: words.replace(" (checkFinite is on)", "") };
  }
  return null;
}
