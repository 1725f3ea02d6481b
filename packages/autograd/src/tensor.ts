import { anyElementTypes, type Device, type DeviceBuffer, type DType } from "@splitmask/kernels";
import ndarray, { type NdArray } from "ndarray";
import { markCopy } from "./copies.js";
import {
  bytesPerElement,
  type ElementArray,
  type ElementArrays,
  gradientDtype,
  isFloating,
  viewElements,
} from "./elements.js";
import {
  enterScope,
  forget,
  type HandleScope,
  leaveScope,
  type ScopedHandle,
  type ScopedNode,
} from "./scope.js";
import { formatShape, type Shape, sizeOf } from "./shape.js";

/** What a computed tensor knows of the graph behind it; implemented by the tape. */
export interface GraphNode extends ScopedNode {
  /** Runs the backward pass from this node. */
  backward(gradient: Tensor): void;
}

/** Elements of one dtype on the host, as read from a file or a device. */
export interface HostTensor {
  /** The element type; `int64` occurs in files only. A bfloat16 tensor becomes float32 on the host. */
  readonly dtype: Exclude<DType, "bfloat16"> | "int64";
  /** Sizes of the axes. */
  readonly shape: Shape;
  /** The elements, row-major. */
  readonly data: ElementArray | BigInt64Array;
}

/**
 * A contiguous, row-major array on a device. Operations return at once and put their kernels on the device's queue;
 * `data()` and `item()` resolve when the queue has reached that point. Each handle owns one reference to its buffer.
 * Dropping the handle is enough; `dispose()` and `scope` only release memory sooner.
 */
export class Tensor implements ScopedHandle {
  /** The device that holds the elements. */
  readonly device: Device;
  /** Sizes of the axes, outermost first; `[]` is a scalar. */
  readonly shape: Shape;
  /** The element type. */
  readonly dtype: DType;
  /** Where the first element lies in `buffer`. */
  readonly byteOffset: number;
  /**
   * The gradient that `backward()` has accumulated; only leaves that require a gradient have one. Set it to null to
   * start again from zero.
   */
  grad: Tensor | null = null;
  /** @internal */
  owner: HandleScope | null = null;
  #buffer: DeviceBuffer | null;
  #requiresGrad = false;
  #node: GraphNode | null = null;
  #releasedBy: "dispose" | "scope" = "dispose";

  /** @internal Takes over one reference to `buffer`. */
  constructor(device: Device, shape: Shape, dtype: DType, buffer: DeviceBuffer, byteOffset = 0) {
    this.device = device;
    this.shape = shape;
    this.dtype = dtype;
    this.byteOffset = byteOffset;
    this.#buffer = buffer;
    enterScope(device, this);
  }

  /**
   * The buffer that holds the elements. Views share it.
   *
   * @throws Error If the tensor was disposed or its scope has ended.
   */
  get buffer(): DeviceBuffer {
    if (this.#buffer !== null) return this.#buffer;
    const what = `the ${this.dtype} tensor ${formatShape(this.shape)}`;
    throw new Error(
      this.#releasedBy === "scope"
        ? `${what} was released when its scope ended. ` +
            "Return it from the scope's function, or hand it to keep(tensor) inside."
        : `${what} was disposed and cannot be used again. ` +
            "Dispose a tensor after its last use, or leave it to its scope or the garbage collector.",
    );
  }

  /** How many elements there are. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** How many axes there are. */
  get rank(): number {
    return this.shape.length;
  }

  /** Bytes of all elements. */
  get bytes(): number {
    return this.size * bytesPerElement(this.dtype);
  }

  /** Whether `dispose()` was called or the scope of this tensor has ended. */
  get disposed(): boolean {
    return this.#buffer === null;
  }

  /**
   * Whether `backward()` computes a gradient for this tensor: true for leaves that were set so, and for everything
   * computed from them.
   */
  get requiresGrad(): boolean {
    return this.#requiresGrad;
  }

  /**
   * Can be set only on leaves, that is, tensors that were not computed by a recorded operation.
   *
   * @throws TypeError If the dtype is not float32 or float64, or the tensor was computed.
   */
  set requiresGrad(value: boolean) {
    if (this.#node !== null) {
      throw new TypeError(
        `requiresGrad: the tensor ${formatShape(this.shape)} was computed from others and requires a ` +
          "gradient because of them. Use detach() for one that does not.",
      );
    }
    if (value && !isFloating(this.dtype)) {
      throw new TypeError(
        `requiresGrad: the tensor ${formatShape(this.shape)} holds ${this.dtype}, ` +
          "and only float32 and float64 have gradients.",
      );
    }
    this.#requiresGrad = value;
  }

  /** Whether this tensor is at the start of the graph: not computed by a recorded operation. */
  get isLeaf(): boolean {
    return this.#node === null;
  }

  /** @internal The node that computed this tensor. */
  get node(): GraphNode | null {
    return this.#node;
  }

  /** @internal Hangs the graph behind a fresh result. */
  attachNode(node: GraphNode): void {
    this.#node = node;
    this.#requiresGrad = true;
  }

  /**
   * Resolves with the elements when the device has computed them, those of bfloat16 as float32. Rejects with the
   * kernel's name if a kernel failed before.
   */
  async data(): Promise<ElementArray> {
    if (this.dtype !== "bfloat16")
      return viewElements(this.dtype, await this.device.download(this, this.bytes));
    const widened = { buffer: this.device.allocate(4 * this.size), byteOffset: 0 };
    this.device.run("cast", "float32", {
      output: widened,
      input: this,
      size: this.size,
      inputType: anyElementTypes.bfloat16,
      outputType: anyElementTypes.float32,
    });
    const bytes = this.device.download(widened, 4 * this.size);
    widened.buffer.dispose();
    return viewElements(this.dtype, await bytes);
  }

  /**
   * The one element of a scalar (or of any tensor with one element).
   *
   * @throws RangeError If there are more or fewer elements than one.
   */
  item(): Promise<number> {
    if (this.size !== 1) {
      throw new RangeError(
        `item: the tensor ${formatShape(this.shape)} has ${this.size} elements; item() reads exactly one. ` +
          "Use data(), or reduce it first with sum or mean.",
      );
    }
    return this.data().then((elements) => elements[0]!);
  }

  /** The elements as an `ndarray` of the same shape. */
  async toNdarray(): Promise<NdArray<ElementArrays[DType]>> {
    return ndarray(await this.data(), [...this.shape]);
  }

  /** The elements with their shape and dtype, e.g. for `writeSafetensors`. */
  async toHost(): Promise<HostTensor> {
    const dtype = this.dtype === "bfloat16" ? "float32" : this.dtype;
    return { dtype, shape: this.shape, data: await this.data() };
  }

  /**
   * Computes the gradient of this tensor with respect to every leaf that requires one and adds it to the leaf's `grad`.
   * What the graph kept is released meanwhile, so a graph can be used only once.
   *
   * @param gradient The gradient of the final result with respect to this tensor, of this tensor's shape and dtype
   * (float32 for a bfloat16 tensor). Default 1, for a tensor with one element.
   * @throws Error If this tensor needs no gradient, has more than one element and no `gradient` is given, or its graph
   * was used before.
   */
  backward(gradient?: Tensor): void {
    if (this.#node === null) {
      throw new Error(
        `backward: the tensor ${formatShape(this.shape)} was not computed from tensors ` +
          "that require gradients. " +
          "Set requiresGrad on the leaves before computing it, and do not compute it inside noGrad. " +
          "An encoder's encode() records no graph either: train with its forward().",
      );
    }
    if (gradient === undefined) {
      if (this.size !== 1) {
        throw new Error(
          `backward: the tensor ${formatShape(this.shape)} has ${this.size} elements; ` +
            "only a scalar has a gradient by itself. " +
            "Reduce it with sum or mean, or pass backward(gradient) a tensor of that shape.",
        );
      }
      const one = empty(this.device, this.shape, gradientDtype(this.dtype));
      this.device.run("fill", floatingOf(one), { output: one, size: 1, value: 1 });
      this.#node.backward(one);
      return;
    }
    if (
      gradient.dtype !== gradientDtype(this.dtype) ||
      formatShape(gradient.shape) !== formatShape(this.shape)
    ) {
      throw new TypeError(
        `backward: the gradient is ${describe(gradient)} and the tensor is ${describe(this)}; both have to be alike.` +
          (this.dtype === "bfloat16" ? " The gradient of a bfloat16 tensor is float32." : ""),
      );
    }
    this.#node.backward(gradient.hold());
  }

  /** The same elements without the graph: no gradient flows through the result. Shares the buffer. */
  detach(): Tensor {
    return this.alias();
  }

  /**
   * Releases this handle's reference to the buffer now; other views and the graph keep theirs. Calling it again does
   * nothing.
   */
  dispose(): void {
    forget(this);
    this.#release("dispose");
  }

  /** @internal */
  releaseFromScope(): void {
    this.#release("scope");
  }

  /**
   * @internal A second handle on the same elements, perhaps under another shape or on a part of them; knows no graph.
   */
  alias(shape: Shape = this.shape, elementOffset = 0): Tensor {
    const buffer = this.buffer;
    buffer.retain();
    return new Tensor(
      this.device,
      shape,
      this.dtype,
      buffer,
      this.byteOffset + elementOffset * bytesPerElement(this.dtype),
    );
  }

  /** @internal An alias that no scope releases. */
  hold(): Tensor {
    const held = this.alias();
    leaveScope(held);
    return held;
  }

  /** @internal Whether this handle has the only reference to its buffer, so that nobody sees it being overwritten. */
  get exclusive(): boolean {
    return this.buffer.references === 1;
  }

  /** Shape, dtype and device state in a few words, for logs. */
  toString(): string {
    return `Tensor(${describe(this)}${this.requiresGrad ? ", requiresGrad" : ""}${this.disposed ? ", disposed" : ""})`;
  }

  #release(by: "dispose" | "scope"): void {
    if (this.#buffer === null) return;
    this.#buffer.release();
    this.#buffer = null;
    this.#releasedBy = by;
  }
}

markCopy(Tensor);

/** `4×196 float32`. */
export function describe(tensor: Tensor): string {
  return `${formatShape(tensor.shape)} ${tensor.dtype}`;
}

/** A tensor with undefined content. */
export function empty(device: Device, shape: Shape, dtype: DType): Tensor {
  return new Tensor(device, shape, dtype, device.allocate(sizeOf(shape) * bytesPerElement(dtype)));
}

/** The dtype of a floating tensor, for the kernels that come in both precisions. */
export function floatingOf(tensor: Tensor): "float32" | "float64" {
  return tensor.dtype as "float32" | "float64";
}

/**
 * Takes a tensor out of every scope, so that it lives until it is disposed or dropped. For parameters, running
 * averages, and anything else that is made inside a scope and used later.
 *
 * @returns The same tensor.
 */
export function keep(tensor: Tensor): Tensor {
  leaveScope(tensor);
  return tensor;
}
