import type { LookRequest, Looks } from "./looks.js";
import type { CommonSettings } from "./method.js";
import type { SplitMask } from "./splitMask.js";
import { wordLooks } from "./wordLooks.js";

/**
 * What a report shows of SplitMask: each picture in words, and for each branch the half that it sees, and that half
 * completed with the words that it predicts for the rest.
 *
 * @param task The trained method.
 * @param request The pictures.
 */
export async function splitMaskLooks(task: SplitMask, request: LookRequest<CommonSettings>): Promise<Looks> {
  return {
    title: "Two halves, each predicting the other",
    lead:
      "The patches of a picture are split in two, A and B. " +
      "The same encoder sees each half by itself, and the decoder predicts the visual word of every " +
      "patch that the half does not hold; here they are filled in.",
    ...(await wordLooks(task.config.tokenizer, request, (context) => {
      const branches = task.predictWords(request.batch, context);
      return Object.fromEntries(branches.map((branch, index) => ["AB".charAt(index), branch]));
    })),
  };
}
