import type { Tensor } from "@splitmask/autograd";
import type { Looks } from "@splitmask/methods";
import type { MethodView, PanelView } from "../data.js";
import { percent } from "../figures/format.js";
import { drawPatches, drawPictures, pngOf } from "./draw.js";

/**
 * Draws what a method makes of some pictures.
 *
 * @param looks What it makes of them.
 * @param pixels B×3×H×W: the pictures, in [−1, 1].
 * @param names What the pictures are called.
 * @param grid Rows and columns of patches.
 */
export async function methodView(
  { title, lead, note, panels }: Looks,
  pixels: Tensor,
  names: readonly string[],
  grid: readonly [number, number],
): Promise<MethodView> {
  const originals = await drawPictures(pixels, pixels.shape[2]! / grid[0]);
  const drawn = await Promise.all(
    panels.map(async ({ caption, patches, places, share }) => ({
      caption,
      pictures: await drawPatches(patches, places, grid),
      remark: share === null ? null : { name: share.name, shares: await share.values.data() },
    })),
  );
  const pictures = names.map(async (name, index) => ({
    name,
    original: await pngOf(originals, index),
    panels: await Promise.all(
      drawn.map(
        async ({ caption, pictures, remark }): Promise<PanelView> => ({
          caption,
          image: await pngOf(pictures, index),
          remark: remark === null ? null : `${percent(Number(remark.shares[index]))} ${remark.name}`,
        }),
      ),
    ),
  }));
  return { title, lead, note, pictures: await Promise.all(pictures) };
}
