import { gatherTokens, type RandomStream, reshape, type Tensor, tensor } from "@splitmask/autograd";

/** Rows of an M×d tensor by their numbers. */
export function takeRows(points: Tensor, rows: Int32Array<ArrayBuffer>): Tensor {
  const [count, width] = points.shape as readonly [number, number];
  const indices = tensor(points.device, rows, [1, rows.length], { dtype: "int32" });
  return reshape(gatherTokens(reshape(points, [1, count, width]), indices), [rows.length, width]);
}

/** `count` different numbers out of 0 … below − 1, in random order (the first steps of a shuffle). */
export function drawDistinct(stream: RandomStream, count: number, below: number): Int32Array<ArrayBuffer> {
  const moved = new Map<number, number>();
  return Int32Array.from({ length: count }, (_, position) => {
    const chosen = position + stream.integer(below - position);
    const value = moved.get(chosen) ?? chosen;
    moved.set(chosen, moved.get(position) ?? position);
    return value;
  });
}
