import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { uniform } from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";
import {
  type CommonSettings,
  examineTokenizer,
  findTokenizerKind,
  type TokenizerSettings,
  tokenizerFields,
  tokenizerFile,
  tokenizerPreparation,
} from "@splitmask/methods";
import { RandomProjectionTokenizer } from "@splitmask/tokenizer";

const device = createDevice({ threads: 1 });
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "splitmask-tokenizer-reference-"));
});
afterAll(async () => {
  device.close();
  await rm(folder, { recursive: true, force: true });
});

const common: CommonSettings = {
  ...{ width: 16, depth: 1, heads: 1, imageSize: 16, patch: 4, layerScale: null, dropPath: 0 },
  ...{ cropScale: 0.2, flip: 0.5 },
  ...{ batch: 4, precision: "float32", seed: 5, mean: [0, 0, 0], std: [1, 1, 1] },
};

const pixels = (size: number) =>
  uniform(device, [2, 3, size, size], { low: -1, high: 1, key: { seed: 2, purpose: "pixels" } });

/** Makes the tokenizer of a run with what is given, saves it, and reads it back. */
async function prepare(given: { tokenizer: string }) {
  const { tokenizer, tokenizerPatch, vocabulary } = await examineTokenizer<
    Partial<TokenizerSettings> & typeof given
  >(given);
  const settings = {
    ...common,
    ...{ tokenizer, tokenizerPatch: tokenizerPatch!, vocabulary: vocabulary!, tokenizerPatches: 8 },
  };
  const views: number[] = [];
  const made = await tokenizerPreparation.make({
    ...{ device, settings, pictureCount: 4 },
    async *crops({ size }) {
      views.push(size);
      yield pixels(size);
    },
    progress: () => undefined,
    tell: () => undefined,
  });
  const path = join(folder, `prepared-${tokenizerFile}`);
  await tokenizerPreparation.save(made, path);
  return { settings, views, read: await tokenizerPreparation.load(device, path, settings) };
}

test("a run takes a tokenizer that was fitted before, from its file or the folder that holds it", async () => {
  const fitted = new RandomProjectionTokenizer(device, { vocabularySize: 5, patchSize: 2, seed: 9 });
  const path = join(folder, tokenizerFile);
  await fitted.save(path);
  for (const tokenizer of [path, folder]) {
    const { read, settings, views } = await prepare({ tokenizer });
    expect([settings.tokenizer, settings.vocabulary, settings.tokenizerPatch]).toEqual([path, 5, 2]);
    expect(views).toEqual([8]);
    expect(await read.tokenize(pixels(8)).data()).toEqual(await fitted.tokenize(pixels(8)).data());
    expect((await tokenizerPreparation.standIn(device, settings)).vocabularySize).toBe(5);
  }
  await expect(examineTokenizer({ tokenizer: path, vocabulary: 6 })).rejects.toThrow(
    `vocabulary: 6, but the tokenizer ${path} has 5; leave it out`,
  );
});

const resolved = (name: string) => pathToFileURL(createRequire(import.meta.url).resolve(name)).href;

/** A module whose words are the brightness of a patch: a tokenizer without a codebook. */
async function writeModule(name: string, changes: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(
    path,
    `import { argmaxProduct, reshape, tensor } from "${resolved("@splitmask/autograd")}";
    import { patchify } from "${resolved("@splitmask/nn")}";
    import { writeTokenizerFile } from "${resolved("@splitmask/tokenizer")}";
    const make = (device) => {
      const tokenizer = {
        name: "brightness", vocabularySize: 2, patchSize: 4,
        tokenize(pixels) {
          const rows = patchify(pixels, 4);
          const directions = tensor(device, [Array(48).fill(1), Array(48).fill(-1)]);
          return reshape(argmaxProduct(reshape(rows, [-1, 48]), directions), [rows.shape[0], rows.shape[1]]);
        },
        save: (path) => writeTokenizerFile(path, tokenizer, []),
      };
      return Object.assign(tokenizer, ${changes});
    };
    export default {
      name: "brightness", vocabularySize: 2, patchSize: 4, fit: async (device) => make(device), load: make,
    };`,
  );
  return path;
}

test("a run takes a tokenizer of a module, which needs no codebook", async () => {
  const tokenizer = await writeModule("brightness.mjs", "{}");
  const { read, settings } = await prepare({ tokenizer });
  expect([settings.vocabulary, settings.tokenizerPatch, read.codebook]).toEqual([2, 4, undefined]);
  expect((await read.tokenize(pixels(16)).data()).length).toBe(32);
});

test.each([
  [
    "{ tokenize: (x) => tensor(device, new Int32Array(12).fill(2), [2, 6]) }",
    "with the word 2; expected 0 to 1",
  ],
  ["{ tokenize: (x) => tensor(device, new Int32Array(6), [1, 6]) }", "expected int32 2×6, one word for each"],
  [
    "{ tokenize: (x) => tensor(device, new Float32Array(12), [2, 6]) }",
    "tokenize gave float32 2×6 for pixels",
  ],
  [
    "{ codebook: tensor(device, new Float32Array(96), [2, 48]) }",
    "row 0 of the codebook has the length 0.000",
  ],
  ["{ codebook: tensor(device, new Float32Array(9), [3, 3]) }", "the codebook is 3×3; expected 2×48"],
  ["{ vocabularySize: 3 }", "vocabularySize is 3; expected 2"],
  ["{ save: 1 }", "save is no function"],
])("a module's tokenizer is checked: %s", async (changes, problem) => {
  const tokenizer = await writeModule(`wrong-${changes.length}.mjs`, changes);
  await expect(prepare({ tokenizer })).rejects.toThrow(problem);
});

test("says what is wrong with a path", async () => {
  const at = (name: string) => join(folder, name);
  await expect(findTokenizerKind(at("none"))).rejects.toThrow(`tokenizer: there is no file ${at("none")}`);
  await writeFile(at("empty.mjs"), "export default { name: 'empty' };");
  await expect(findTokenizerKind(at("empty.mjs"))).rejects.toThrow(
    "empty.mjs: its default export is no kind of tokenizers; expected an object with a name and the functions fit",
  );
  await writeFile(at("text.safetensors"), "text");
  await expect(findTokenizerKind(at("text.safetensors"))).rejects.toThrow(at("text.safetensors"));
  await expect(findTokenizerKind("discrete-vae")).rejects.toThrow(
    'tokenizer: "discrete-vae" is not made before a run. Train one with splitmask tokenizer fit',
  );
  const { success } = tokenizerFields.tokenizer.safeParse("kmeans");
  expect(success).toBe(false);
});
