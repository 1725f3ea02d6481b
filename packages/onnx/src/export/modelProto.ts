import { type Encoded, field, floatField, message, repeated } from "./protobuf.js";

/** The element types that are written, with their numbers in onnx.proto. */
export const elementTypes = { float32: 1, int8: 3, int64: 7, float16: 10 } as const;

/** A constant of a graph. */
export interface OnnxConstant {
  readonly name: string;
  readonly type: keyof typeof elementTypes;
  readonly shape: readonly number[];
  /** The elements, little-endian. */
  readonly data: ArrayBufferView;
}

/** An attribute of a node: a list is one of whole numbers. */
export type OnnxAttribute =
  | string
  | readonly number[]
  | { readonly int: number }
  | { readonly float: number };

/** An operation of a graph. */
export interface OnnxNode {
  readonly operation: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

/** An input or output of a graph, float32; a text is the name of a size that is open. */
export interface OnnxPort {
  readonly name: string;
  readonly shape: readonly (number | string)[];
}

/** A graph with what is told of it. */
export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxConstant[];
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
  /** Free texts by name. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Operations are those of this version of ONNX's; LayerNormalization is there from 17, antialiased Resize from 18. */
export const opset = 18;
/** The version of the file format that belongs to it (ONNX 1.13). */
const irVersion = 8;

/** Attribute types of onnx.proto. */
const attributeTypes = { float: 1, int: 2, string: 3, ints: 7 } as const;

/** A graph as `ModelProto` of onnx.proto, whose field numbers these are. */
export function modelProto({ constants, inputs, metadata, nodes, outputs }: OnnxGraph): Encoded {
  const graph = message(
    repeated(1, nodes.map(nodeProto)),
    field(2, "splitmask"),
    repeated(5, constants.map(tensorProto)),
    repeated(11, inputs.map(valueInfoProto)),
    repeated(12, outputs.map(valueInfoProto)),
  );
  const texts = Object.entries(metadata).map(([key, value]) => message(field(1, key), field(2, value)));
  return message(
    field(1, irVersion),
    field(2, "splitmask"),
    field(7, graph),
    field(8, message(field(1, ""), field(2, opset))),
    repeated(14, texts),
  );
}

function nodeProto({ attributes, inputs, operation, outputs }: OnnxNode): Encoded {
  return message(
    repeated(1, inputs),
    repeated(2, outputs),
    field(3, outputs[0]!),
    field(4, operation),
    repeated(5, Object.entries(attributes).map(attributeProto)),
  );
}

function attributeProto([name, value]: readonly [string, OnnxAttribute]): Encoded {
  const named = (type: keyof typeof attributeTypes, content: Encoded) =>
    message(field(1, name), content, field(20, attributeTypes[type]));
  if (typeof value === "string") return named("string", field(4, value));
  if ("int" in value) return named("int", field(3, value.int));
  if ("float" in value) return named("float", floatField(2, value.float));
  return named("ints", repeated(8, value));
}

function tensorProto({ data, name, shape, type }: OnnxConstant): Encoded {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return message(repeated(1, shape), field(2, elementTypes[type]), field(8, name), field(9, bytes));
}

function valueInfoProto({ name, shape }: OnnxPort): Encoded {
  const sizes = shape.map((size) => (typeof size === "number" ? field(1, size) : field(2, size)));
  const tensor = message(field(1, elementTypes.float32), field(2, repeated(1, sizes)));
  return message(field(1, name), field(2, field(1, tensor)));
}
