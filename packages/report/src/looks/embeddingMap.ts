import { l2Normalize, noGrad, RandomStream, scope, tensor } from "@splitmask/autograd";
import { type LabelledFeatures, principalComponents } from "@splitmask/eval";
import type { Device } from "@splitmask/kernels";
import ndarray, { type NdArray } from "ndarray";
import type { Atlas, MapClass, MapView } from "../data.js";
import { percent } from "../figures/format.js";

/** The ways to make a map of embeddings. */
export const mapMethods = ["pca", "umap"] as const;

/** How a map of embeddings is made. */
export type MapMethod = (typeof mapMethods)[number];

/** Width of a map, in which its places are given. */
const width = 1000;
const margin = 24;
/** Lowest and highest height. */
const heights = [420, 720] as const;
/** Classes that have a color of their own. */
const colors = 10;

/**
 * Draws embeddings of unit length as points in two dimensions.
 *
 * @param device Where it is computed.
 * @param set The embeddings of N pictures, with the label −1 where there is none.
 * @param names N names.
 * @param atlas The N pictures.
 * @param method `pca`: along the two directions in which they differ most; `umap` (McInnes et al. 2018): so that
 * neighbors stay neighbors.
 * @param seed What UMAP's chance depends on.
 * @returns The map; null for fewer than four pictures.
 */
export async function embeddingMap(
  device: Device,
  { features, labels, classes = [] }: LabelledFeatures,
  names: readonly string[],
  atlas: Atlas,
  method: MapMethod,
  seed: number,
): Promise<MapView | null> {
  if (names.length < 4) return null;
  const rows = noGrad(device, () =>
    scope(device, () => l2Normalize(tensor(device, features as NdArray<Float32Array<ArrayBuffer>>))),
  );
  const directions = ndarray((await rows.data()) as Float32Array, [...features.shape]);
  rows.dispose();
  const drawn = { names, classes: mapClasses(labels, classes), atlas };
  if (method === "umap") {
    const note =
      "UMAP keeps neighbors together: groups are meaningful; the axes and the distances between groups are not.";
    return { method: "UMAP", note, ...fitted(await umap(directions, seed)), ...drawn };
  }
  const { projections, explained } = await principalComponents(device, directions);
  const [across, up] = Array.from(explained, (share) => percent(share, 1));
  const note =
    `The first two principal components of the embeddings (PCA): ${across} of the variance across, ${up} up. ` +
    "Points far apart differ; points close together may still differ in other directions. " +
    "splitmask report --map umap shows neighborhoods instead.";
  return { method: "PCA", note, ...fitted(projections), ...drawn };
}

async function umap(directions: NdArray<Float32Array>, seed: number): Promise<NdArray<Float32Array>> {
  const { UMAP } = await import("umap-js");
  const [rows, width] = directions.shape as [number, number];
  const stream = new RandomStream({ seed, purpose: "report.umap" });
  const layout = new UMAP({ nNeighbors: Math.min(15, rows - 1), random: () => stream.uniform() });
  const vectors = Array.from({ length: rows }, (_, row) =>
    Array.from(directions.data.subarray(row * width, (row + 1) * width)),
  );
  return ndarray(Float32Array.from(layout.fit(vectors).flat()), [rows, 2]);
}

/** Places scaled alike in both directions so that they fill the map; up is up. */
function fitted(places: NdArray<Float32Array>): Pick<MapView, "x" | "y" | "width" | "height"> {
  const column = (axis: number) =>
    Array.from({ length: places.shape[0]! }, (_, row) => places.get(row, axis));
  const [xs, ys] = [column(0), column(1)] as const;
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const [wide, tall] = [right - left || 1, high - low || 1];
  const inside = width - 2 * margin;
  const height = Math.round(Math.min(heights[1], Math.max(heights[0], (inside * tall) / wide + 2 * margin)));
  const scale = Math.min(inside / wide, (height - 2 * margin) / tall);
  const round = (value: number) => Number(value.toFixed(1));
  return {
    x: xs.map((value) => round(width / 2 + (value - (left + right) / 2) * scale)),
    y: ys.map((value) => round(height / 2 - (value - (low + high) / 2) * scale)),
    width,
    height,
  };
}

/** The most frequent classes with colors, the others as one; all pictures as one where there are no two classes. */
function mapClasses(labels: Int32Array, classes: readonly string[]): MapClass[] {
  const members = new Map<number, number[]>();
  for (const [row, label] of labels.entries()) members.set(label, [...(members.get(label) ?? []), row]);
  if (members.size < 2) return [{ name: "", color: 1, members: Array.from(labels.keys()) }];
  const bySize = [...members].filter(([label]) => label >= 0).sort(([, a], [, b]) => b.length - a.length);
  const own = bySize.slice(0, colors).sort(([a], [b]) => a - b);
  const others = [...members].filter((group) => !own.some(([label]) => label === group[0]));
  const shown = own.map(([label, rows], place) => ({
    ...{ name: classes[label] ?? String(label), color: place + 1 },
    members: rows,
  }));
  if (others.length === 0) return shown;
  const name = others.length === 1 ? (classes[others[0]![0]] ?? "no class") : `${others.length} others`;
  return [...shown, { name, color: 0, members: others.flatMap(([, rows]) => rows) }];
}
