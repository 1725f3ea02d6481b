import type { ImageBatch } from "@splitmask/augmentation";
import { slice } from "@splitmask/autograd";

/**
 * The pictures `start` … `end` − 1 of a batch. The views share the batch's memory.
 *
 * @throws RangeError If the range does not lie in the batch.
 */
export function sliceImageBatch(batch: ImageBatch, start: number, end: number): ImageBatch {
  return {
    views: batch.views.map((view) => slice(view, 0, start, end)),
    labels: batch.labels.subarray(start, end),
    indices: batch.indices.subarray(start, end),
  };
}
