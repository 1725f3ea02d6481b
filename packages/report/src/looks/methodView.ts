import { binCount, concatenate, noGrad, reshape, type Tensor } from "@splitmask/autograd";
import type { Looks } from "@splitmask/methods";
import { type Tokenizer, tokenStatistics } from "@splitmask/tokenizer";
import type { MethodView, TokenView } from "../data.js";
import { percent } from "../figures/format.js";
import { dataUri, drawPatches, drawPictures } from "./draw.js";

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
  const originals = await Promise.all((await drawPictures(pixels)).map(dataUri));
  const columns = await Promise.all(
    panels.map(async ({ caption, patches, places, share }) => {
      const images = await Promise.all((await drawPatches(patches, places, grid)).map(dataUri));
      const shares = await share?.values.data();
      return images.map((image, index) => ({
        ...{ caption, image },
        remark: shares && `${percent(Number(shares[index]))} ${share!.name}`,
      }));
    }),
  );
  const pictures = names.map((name, index) => ({
    ...{ name, original: originals[index]! },
    panels: columns.map((column) => column[index]!),
  }));
  return { title, lead, note, pictures };
}

/**
 * How a tokenizer uses its words.
 *
 * @param tokenizer Whose words.
 * @param pictures Batches B×3×H×W in [−1, 1].
 */
export async function tokenView(tokenizer: Tokenizer, pictures: readonly Tensor[]): Promise<TokenView> {
  const { device } = pictures[0]!;
  const vocabulary = tokenizer.vocabularySize;
  const tokens = noGrad(device, () =>
    concatenate(
      pictures.map((batch) => reshape(tokenizer.tokenize(batch), [-1])),
      0,
    ),
  );
  const { entropyBits, deadWords } = await tokenStatistics(tokens, vocabulary);
  const counts = Array.from(await noGrad(device, () => binCount(tokens, vocabulary)).data()).map(Number);
  counts.sort((a, b) => b - a);
  let sum = 0;
  const sums = counts.map((count) => {
    sum += count;
    return sum / tokens.size;
  });
  const cumulative = Array.from(
    { length: 100 },
    (_, index) => sums[Math.ceil(((index + 1) * vocabulary) / 100) - 1]!,
  );
  return { vocabulary, patches: tokens.size, entropy: entropyBits, dead: deadWords, cumulative };
}
