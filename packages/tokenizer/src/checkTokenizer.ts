import { noGrad, scope, square, sum, type Tensor, uniform } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import type { Tokenizer } from "./tokenizer.js";

/** How far the length of a codebook's row may be from 1. */
const lengthTolerance = 1e-3;
/** Rows and columns of patches of the pictures that it is tried on, different, so that they cannot be mixed up. */
const grid = [2, 3] as const;

/**
 * Checks a tokenizer that was written elsewhere: its members, the words of two random pictures, and that the rows of
 * its codebook, if it has one, are of unit length.
 *
 * @param device Where it is.
 * @param tokenizer The tokenizer.
 * @param expected The sizes that a run counts on.
 * @throws TypeError (rejects) that says what is wrong.
 */
export async function checkTokenizer(
  device: Device,
  tokenizer: Tokenizer,
  expected: Pick<Tokenizer, "vocabularySize" | "patchSize">,
): Promise<void> {
  const { codebook, name, patchSize, vocabularySize } = tokenizer;
  const isWrong = (problem: string) => new TypeError(`tokenizer "${name}": ${problem}.`);
  for (const member of ["tokenize", "save"] as const) {
    if (typeof tokenizer[member] !== "function") throw isWrong(`${member} is no function`);
  }
  for (const size of ["vocabularySize", "patchSize"] as const) {
    if (tokenizer[size] !== expected[size])
      throw isWrong(`${size} is ${tokenizer[size]}; expected ${expected[size]}`);
  }
  if (codebook !== undefined) await checkCodebook(codebook, tokenizer, isWrong);
  const [rows, columns] = grid;
  const key = { seed: 0, purpose: "tokenizer.check" };
  const size = [2, 3, rows * patchSize, columns * patchSize];
  const pixels = uniform(device, size, { low: -1, high: 1, key });
  await tokenizer.prepare?.(pixels);
  const words = noGrad(device, () => scope(device, () => tokenizer.tokenize(pixels)));
  const given = `tokenize gave ${words.dtype} ${words.shape.join("×")} for pixels ${size.join("×")}`;
  if (
    words.dtype !== "int32" ||
    words.rank !== 2 ||
    words.shape[0] !== 2 ||
    words.shape[1] !== rows * columns
  )
    throw isWrong(`${given}; expected int32 2×${rows * columns}, one word for each patch`);
  const wrong = Array.from(await words.data()).find((word) => !(word >= 0 && word < vocabularySize));
  words.dispose();
  if (wrong !== undefined)
    throw isWrong(`${given}, with the word ${wrong}; expected 0 to ${vocabularySize - 1}`);
}

async function checkCodebook(
  codebook: Tensor,
  { patchSize, vocabularySize }: Tokenizer,
  isWrong: (problem: string) => TypeError,
): Promise<void> {
  const width = 3 * patchSize ** 2;
  if (codebook.rank !== 2 || codebook.shape[0] !== vocabularySize || codebook.shape[1] !== width) {
    throw isWrong(
      `the codebook is ${codebook.shape.join("×")}; expected ${vocabularySize}×${width}, ` +
        "a row of 3·P² numbers for each word",
    );
  }
  const { device } = codebook;
  const squares = noGrad(device, () => scope(device, () => sum(square(codebook), { axes: [1] })));
  const lengths = Array.from(await squares.data(), Math.sqrt);
  squares.dispose();
  const row = lengths.findIndex((length) => !(Math.abs(length - 1) <= lengthTolerance));
  if (row >= 0) {
    throw isWrong(
      `row ${row} of the codebook has the length ${lengths[row]!.toPrecision(4)}; ` +
        "expected rows of length 1 (l2Normalize)",
    );
  }
}
