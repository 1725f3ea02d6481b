import type { HostTensor } from "@splitmask/autograd";
import type { GraphBuilder } from "./graphBuilder.js";

/** How the weights of an exported model are stored. */
export const onnxWeightFormats = ["float32", "float16", "int8"] as const;

/** How the weights of an exported model are stored; see `ExportOnnxOptions.weights`. */
export type OnnxWeightFormat = (typeof onnxWeightFormats)[number];

/** Writes x·W of a stored weight, in×out, to a graph; gives the name of the product. */
type Product = (graph: GraphBuilder, x: string, name: string, weight: HostTensor) => string;

/** How each format multiplies. */
export const products: Readonly<Record<OnnxWeightFormat, Product>> = {
  float32: (graph, x, name, weight) => graph.node("MatMul", [x, graph.tensor(name, weight)]),
  // onnxruntime widens the weight once, when it loads the model: its CPU has no product of halves.
  float16(graph, x, name, weight) {
    const data = Uint16Array.from(weight.data as Float32Array, halfBits);
    const half = graph.constant({ name, type: "float16", shape: weight.shape, data });
    return graph.node("MatMul", [x, graph.node("Cast", [half], { to: { int: 1 } })]);
  },
  // As onnxruntime's quantize_dynamic: what comes in is quantized in each run, the weight once for each column.
  int8(graph, x, name, weight) {
    const { scales, data } = quantizeColumns(weight);
    const columns = scales.length;
    const rows = graph.constant({ name, type: "int8", shape: weight.shape, data });
    const scale = graph.constant({ name: `${name}.scale`, type: "float32", shape: [columns], data: scales });
    const [quantized, xScale, xZero] = graph.nodes("DynamicQuantizeLinear", [x], 3) as [
      string,
      string,
      string,
    ];
    const sums = graph.node("MatMulInteger", [quantized, rows, xZero]);
    const product = graph.node("Cast", [sums], { to: { int: 1 } });
    return graph.node("Mul", [product, graph.node("Mul", [scale, xScale])]);
  },
};

/**
 * The largest weight of a column: with 7 bits the sum of two products of bytes fits into 16 bits, in which CPUs without
 * VNNI and browsers (relaxed SIMD) add them, so that the model gives the same everywhere.
 */
const largest = 64;

/** Whole numbers −64 … 64 with a scale for each column of rows×columns. */
function quantizeColumns({ data, shape }: HostTensor): {
  readonly scales: Float32Array<ArrayBuffer>;
  readonly data: Int8Array<ArrayBuffer>;
} {
  const weights = data as Float32Array;
  const columns = shape[1]!;
  const scales = new Float32Array(columns);
  for (const [place, weight] of weights.entries()) {
    const column = place % columns;
    scales[column] = Math.max(scales[column]!, Math.abs(weight) / largest);
  }
  const quantized = Int8Array.from(weights, (weight, place) => {
    const scale = scales[place % columns]!;
    return scale === 0 ? 0 : Math.round(weight / scale);
  });
  return { scales, data: quantized };
}

const bits = new Uint32Array(1);
const number = new Float32Array(bits.buffer);

/** The 16 bits of the nearest half (ties to even); beyond 65504 the largest, as an infinite weight helps nobody. */
export function halfBits(value: number): number {
  number[0] = Math.max(-65504, Math.min(65504, value));
  const sign = (bits[0]! >>> 16) & 0x8000;
  const magnitude = Math.abs(number[0]);
  // Below 2^-14 halves are multiples of 2^-24; what rounds up to 2^-14 has the right bits, too.
  if (magnitude < 2 ** -14) return sign | roundToEven(magnitude * 2 ** 24);
  const rest = bits[0]! & 0x7fffffff;
  return sign | roundToEven((rest - 0x38000000) / 8192);
}

function roundToEven(value: number): number {
  const down = Math.floor(value);
  const over = value - down;
  return over > 0.5 || (over === 0.5 && down % 2 === 1) ? down + 1 : down;
}
