import { defineKernel, type NumbersOf } from "./defineKernel.js";
import { changed, one } from "./extents.js";

const pointsByWidth = (n: NumbersOf<"points" | "width">): number => n.points * n.width;
const segmentsByWidth = (n: NumbersOf<"segments" | "width">): number => n.segments * n.width;

/** k-means, and votes of nearest neighbors. */
export const clustering = {
  /**
   * sums[k,:] = Σ of rows of pointsArray with assignment k, counts[k] = how many. Overwrites; `accumulate` 1 adds.
   */
  segmentSums: defineKernel({
    integers: ["points", "width", "segments", "accumulate"],
    buffers: {
      sums: {
        output: true,
        extent: segmentsByWidth,
        traffic: (n) => changed(n.accumulate, n.segments * n.width),
      },
      counts: {
        output: true,
        extent: (n) => n.segments,
        traffic: (n) => changed(n.accumulate, n.segments),
      },
      pointsArray: { extent: pointsByWidth },
      assignments: { type: "int32", extent: (n) => n.points },
    },
    operations: pointsByWidth,
  }),
  /**
   * k-means++ (Arthur and Vassilvitskii 2007): chooses centroids `from` … `to`−1 (K×width) from points, each with
   * probability ∝ distances [points], the squared distance to the nearest centroid so far (kept between calls; from = 0
   * starts it). Uses Philox counter (·, centroid).
   */
  kMeansSeed: defineKernel({
    integers: ["points", "width", "from", "to", "seed", "purpose"],
    buffers: {
      centroids: {
        output: true,
        checked: false,
        extent: (n) => n.to * n.width,
        traffic: (n) => (n.to - n.from) * n.width,
      },
      distances: { output: true, checked: false, extent: (n) => n.points, traffic: (n) => 2 * n.points },
      pointsArray: { extent: pointsByWidth },
    },
    operations: (n) => 3 * (n.to - n.from) * n.points * n.width,
  }),
  /**
   * centroids[k] = sums[k] / counts[k] where counts[k] > 0, else unchanged; shift (1 element) = the largest squared
   * move.
   */
  kMeansUpdate: defineKernel({
    integers: ["segments", "width"],
    buffers: {
      centroids: { output: true, extent: segmentsByWidth, traffic: (n) => 2 * n.segments * n.width },
      shift: { output: true, extent: one },
      sums: { extent: segmentsByWidth },
      counts: { extent: (n) => n.segments },
    },
    operations: (n) => 4 * n.segments * n.width,
  }),
  /**
   * scores[r,c] = Σ over j with labels[indices[r,j]] = c of exp((values[r,j] − max of values[r,:])/temperature); values
   * and indices [rows×k], labels [labelCount].
   */
  neighborVotes: defineKernel({
    integers: ["rows", "k", "classes", "labelCount"],
    values: ["temperature"],
    buffers: {
      scores: { output: true, extent: (n) => n.rows * n.classes },
      values: { extent: (n) => n.rows * n.k },
      indices: { type: "int32", extent: (n) => n.rows * n.k },
      labels: { type: "int32", extent: (n) => n.labelCount },
    },
    operations: (n) => 3 * n.rows * n.k,
  }),
};
