import type { HostTensor } from "@splitmask/autograd";
import type { OnnxAttribute, OnnxConstant, OnnxGraph, OnnxNode, OnnxPort } from "./modelProto.js";

/** Collects the operations of a graph, each before what reads it. */
export class GraphBuilder {
  readonly #nodes: OnnxNode[] = [];
  readonly #constants = new Map<string, OnnxConstant>();

  /** An operation with one output; gives the output's name. */
  node(
    operation: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): string {
    return this.nodes(operation, inputs, 1, attributes)[0]!;
  }

  /** An operation with several outputs; gives their names. */
  nodes(
    operation: string,
    inputs: readonly string[],
    outputs: number,
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): string[] {
    const name = `${operation}_${this.#nodes.length}`;
    const names = Array.from({ length: outputs }, (_, index) => (index === 0 ? name : `${name}_${index}`));
    this.#nodes.push({ operation, inputs, outputs: names, attributes });
    return names;
  }

  /** Gives a value the name of an output. */
  output(value: string, name: string): void {
    this.#nodes.push({ operation: "Identity", inputs: [value], outputs: [name], attributes: {} });
  }

  /** A constant; gives its name. */
  constant(constant: OnnxConstant): string {
    this.#constants.set(constant.name, constant);
    return constant.name;
  }

  /** Parameters as they are. */
  tensor(name: string, { data, shape }: HostTensor): string {
    return this.constant({ name, type: "float32", shape, data: data as Float32Array });
  }

  /** Whole numbers: sizes, places and axes. The same ones are stored once. */
  integers(...values: readonly number[]): string {
    const data = BigInt64Array.from(values, BigInt);
    return this.constant({
      name: `integers_${values.join("_")}`,
      type: "int64",
      shape: [values.length],
      data,
    });
  }

  /** A number. The same one is stored once. */
  scalar(value: number): string {
    return this.constant({
      name: `scalar_${value}`,
      type: "float32",
      shape: [],
      data: Float32Array.of(value),
    });
  }

  /** What was collected. */
  graph(
    inputs: readonly OnnxPort[],
    outputs: readonly OnnxPort[],
    metadata: OnnxGraph["metadata"],
  ): OnnxGraph {
    return { nodes: this.#nodes, constants: [...this.#constants.values()], inputs, outputs, metadata };
  }
}
