import type { DType } from "@splitmask/kernels";
import { runBinary } from "./calls/broadcast.js";
import { clone } from "./calls/copies.js";
import { gradientDtype, isFloating } from "./elements.js";
import { observerOf } from "./observeOperations.js";
import type { AnyOperation, GradientStep, SavedTensors } from "./operation.js";
import { enterNode, leaveScope, madeInScope, nextNodeNumber, noGrad, scope } from "./scope.js";
import { equalShapes, formatShape, type Shape } from "./shape.js";
import { describe, empty, type GraphNode, keep, type Tensor } from "./tensor.js";

/** Where the gradient of one input goes: to the node that computed it, to a leaf, or nowhere. */
type Edge = { readonly node: Node } | { readonly leaf: Tensor } | null;

/** Makes an operation's output once more from what it saved. */
export type Remake = ((saved: SavedTensors) => Tensor) | undefined;

/** One recorded operation. Holds what its rule needs and the way to the inputs, never the inputs' own elements. */
export class Node implements GraphNode {
  readonly #operation: AnyOperation;
  readonly #number: number;
  readonly #names: readonly string[];
  readonly #needs: Readonly<Record<string, boolean>>;
  readonly #shapes: Readonly<Record<string, Shape>>;
  readonly #dtypes: Readonly<Record<string, DType>>;
  readonly #attributes: unknown;
  #edges: readonly Edge[];
  readonly #remake: Remake;
  #saved: Record<string, Tensor | Node | null> | null;
  #remade: Tensor | null = null;
  #gradient: Tensor | null = null;

  /** Takes over the handles in `saved`; a node stands for its output, which it can remake. */
  constructor(
    operation: AnyOperation,
    names: readonly string[],
    inputs: Readonly<Record<string, Tensor | null>>,
    needs: Readonly<Record<string, boolean>>,
    attributes: unknown,
    saved: Record<string, Tensor | Node | null>,
    output: Tensor,
    remake: Remake,
  ) {
    this.#operation = operation;
    this.#number = nextNodeNumber(output.device);
    this.#names = names;
    this.#needs = needs;
    this.#attributes = attributes;
    this.#saved = saved;
    this.#remake = remake;
    const shapes = (Array.isArray(inputs) ? [] : {}) as Record<string, Shape>;
    const dtypes: Record<string, DType> = {};
    for (const name of names) {
      const input = inputs[name];
      if (input === null || input === undefined) continue;
      shapes[name] = input.shape;
      dtypes[name] = input.dtype;
    }
    this.#shapes = shapes;
    this.#dtypes = dtypes;
    this.#edges = names.map((name) => {
      if (!needs[name]) return null;
      const input = inputs[name]!;
      return input.node === null ? { leaf: input } : { node: input.node as Node };
    });
    enterNode(output.device, this);
  }

  /** The nodes that computed the inputs. */
  get sources(): Node[] {
    return this.#edges.flatMap((edge) => (edge !== null && "node" in edge ? [edge.node] : []));
  }

  /** The leaves that the backward pass reaches. */
  get leaves(): Tensor[] {
    const nodes = new Set<Node>([this]);
    for (const node of nodes) for (const source of node.sources) nodes.add(source);
    const leaves = [...nodes].flatMap((node) =>
      node.#edges.flatMap((edge) => (edge !== null && "leaf" in edge ? [edge.leaf] : [])),
    );
    return [...new Set(leaves)];
  }

  /** Whether the output need not be kept. */
  get canRemake(): boolean {
    return this.#remake !== undefined;
  }

  /** Gives back what the node saved. A backward pass through it is an error from then on. */
  release(): void {
    for (const kept of Object.values(this.#saved ?? {})) if (!(kept instanceof Node)) kept?.dispose();
    this.#drop();
  }

  #drop(): void {
    this.#remade?.dispose();
    this.#remade = null;
    this.#saved = null;
    this.#edges = [];
  }

  /** What was saved; what was not kept is remade when it is looked at, and its handle goes to `remade`. */
  #open(remade: Tensor[]): SavedTensors {
    const opened: Record<string, Tensor | null> = {};
    for (const [name, kept] of Object.entries(this.#saved!)) {
      if (!(kept instanceof Node)) {
        opened[name] = kept;
        continue;
      }
      let tensor: Tensor | null = null;
      Object.defineProperty(opened, name, {
        enumerable: true,
        get: () => {
          if (tensor === null) {
            tensor = kept.#remakeOutput();
            remade.push(tensor);
          }
          return tensor;
        },
      });
    }
    return opened;
  }

  /** A handle on the output, which is made once for all operations that saved it: they run before this node does. */
  #remakeOutput(): Tensor {
    if (this.#remade === null) {
      const inputs: Tensor[] = [];
      this.#remade = this.#remake!(this.#open(inputs));
      leaveScope(this.#remade);
      for (const input of inputs) input.dispose();
    }
    return this.#remade.hold();
  }

  /**
   * Visits the graph behind this node, later operations first: their running numbers fall along every edge, so each
   * gradient is complete when its node is reached, and sums are formed in the same order every time.
   */
  backward(gradient: Tensor): void {
    const nodes = this.#reachable();
    leaveScope(gradient);
    this.#gradient = gradient;
    for (const node of nodes) node.#run();
  }

  #reachable(): Node[] {
    const seen = new Set<Node>([this]);
    for (const node of seen) {
      if (node.#saved === null) {
        throw new Error(
          "backward: the graph behind this tensor was already used: " +
            `what ${node.#operation.name} had kept was released by an earlier backward(). ` +
            "Compute the loss again, or add the losses and call backward() once on their sum.",
        );
      }
      for (const source of node.sources) seen.add(source);
    }
    return [...seen].sort((a, b) => b.#number - a.#number);
  }

  #run(): void {
    const outputGradient = this.#gradient!;
    const scratch: Tensor[] = [];
    const saved = this.#open(scratch);
    const kept = Object.values(this.#saved!).filter((entry) => !(entry instanceof Node)) as (Tensor | null)[];
    const edges = this.#edges;
    this.#gradient = null;
    this.#drop();
    const step: GradientStep<Record<string, Tensor | null>, unknown, SavedTensors> = {
      outputGradient,
      saved,
      attributes: this.#attributes,
      needs: this.#needs,
      shapes: this.#shapes,
      writableGradient() {
        if (outputGradient.exclusive) return outputGradient;
        const fresh = empty(outputGradient.device, outputGradient.shape, outputGradient.dtype);
        scratch.push(fresh);
        return fresh;
      },
    };
    const { device } = outputGradient;
    const observer = observerOf(device);
    const observed = {
      name: this.#operation.name,
      direction: "backward",
      inputs: { outputGradient },
    } as const;
    // Each handle goes to one receiver; a second receiver of the same handle, or a handle that somebody else holds,
    // gets an alias. All are made before any is used, so that shared memory is seen as shared.
    const given = new Set<Tensor>();
    const owned = scope(device, () =>
      noGrad(device, () => {
        observer?.begins(observed);
        const gradients = this.#operation.gradient(step) as Readonly<Record<string, Tensor | null>>;
        this.#check(gradients);
        observer?.ends(observed, gradients);
        const ours = new Set([outputGradient, ...kept, ...scratch]);
        return this.#names.map((name, index) => {
          if (edges[index] === null) return null;
          const gradient = gradients[name]!;
          const free = !given.has(gradient) && (ours.has(gradient) || madeInScope(device, gradient));
          const own = free ? gradient : gradient.hold();
          if (free) given.add(gradient);
          return keep(own);
        });
      }),
    );
    for (const tensor of [outputGradient, ...kept, ...scratch]) {
      if (tensor !== null && !given.has(tensor)) tensor.dispose();
    }
    for (const [index, edge] of edges.entries()) {
      if (edge === null) continue;
      if ("leaf" in edge) addToLeaf(edge.leaf, owned[index]!);
      else edge.node.#gradient = sumOf(edge.node.#gradient, owned[index]!);
    }
  }

  #check(gradients: Readonly<Record<string, Tensor | null>>): void {
    const rule = `the gradient rule of ${this.#operation.name}`;
    const returned = Object.keys(gradients ?? {});
    if (returned.length !== this.#names.length || !this.#names.every((name) => name in gradients)) {
      throw new Error(
        `${rule} returned entries for [${returned.join(", ")}]; expected one for each input: ` +
          `[${this.#names.join(", ")}] (null where there is none).`,
      );
    }
    for (const name of this.#names) {
      const gradient = gradients[name];
      if (!this.#needs[name]) continue;
      if (gradient === null || gradient === undefined) {
        throw new Error(`${rule} returned no gradient for ${name}, which needs one.`);
      }
      const dtype = this.#dtypes[name]!;
      // Of a bfloat16 that was made in float64, the gradient is float64.
      const fits = dtype === "bfloat16" ? isFloating(gradient.dtype) : gradient.dtype === dtype;
      if (!fits || !equalShapes(gradient.shape, this.#shapes[name]!)) {
        throw new Error(
          `${rule} returned ${describe(gradient)} for ${name}; ` +
            `expected ${formatShape(this.#shapes[name]!)} ${gradientDtype(dtype)}.`,
        );
      }
    }
  }
}

/** The sum of two gradients, in the memory of one of them where nobody else holds it; takes over both handles. */
function sumOf(first: Tensor | null, second: Tensor): Tensor {
  if (first === null) return second;
  const target = first.exclusive
    ? first
    : second.exclusive
      ? second
      : empty(first.device, first.shape, first.dtype);
  leaveScope(target);
  runBinary(target, "add", first, second);
  if (target !== first) first.dispose();
  if (target !== second) second.dispose();
  return target;
}

/** Adds to a leaf's gradient, which never shares memory with another tensor of the tape. */
function addToLeaf(leaf: Tensor, gradient: Tensor): void {
  if (leaf.grad !== null) {
    runBinary(leaf.grad, "add", leaf.grad, gradient);
    gradient.dispose();
  } else if (gradient.exclusive) {
    leaf.grad = gradient;
  } else {
    leaf.grad = clone(gradient);
    leaveScope(leaf.grad);
    gradient.dispose();
  }
}
