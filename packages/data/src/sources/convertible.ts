import { basename, join } from "node:path";
import { namesIn } from "./folderNames.js";

/** Folders that hold pictures in a form of Python's, how to tell them by the names in them, and what to do with them. */
const kinds = [
  {
    isThere: (names: readonly string[]) =>
      names.some((name) => /^(data_batch_\d+|test_batch|batches\.meta)$/.test(name)) ||
      ["train", "test", "meta"].every((name) => names.includes(name)),
    what: "CIFAR's Python version, whose files are pickles",
    advice: () =>
      "Get the binary version, which holds the same pictures: cifar-10-binary.tar.gz or cifar-100-binary.tar.gz from " +
      "https://www.cs.toronto.edu/~kriz/cifar.html, unpacked",
  },
  {
    isThere: (names: readonly string[]) => names.includes("dataset_dict.json"),
    what: "what save_to_disk of Hugging Face's datasets writes",
    advice: (folder: string) =>
      `Write it as Parquet: python -c "from datasets import load_from_disk as load; [part.to_parquet(f'${basename(folder)}-parquet/{name}.parquet') for name, part in load('${folder}').items()]", and give ${basename(folder)}-parquet`,
  },
  {
    isThere: (names: readonly string[]) =>
      names.includes("state.json") && names.includes("dataset_info.json"),
    what: "what save_to_disk of Hugging Face's datasets writes",
    advice: (folder: string) =>
      `Write it as Parquet: python -c "from datasets import load_from_disk as load; load('${folder}').to_parquet('${basename(folder)}.parquet')", and give ${basename(folder)}.parquet`,
  },
] as const;

/**
 * Refuses a folder whose pictures are in a form that is not read here.
 *
 * @throws Error If it, or a folder in it, is one; it says how to convert it.
 */
export function refuseConvertible(folder: string): void {
  for (const candidate of [folder, ...namesIn(folder).map((name) => join(folder, name))]) {
    const kind = kinds.find(({ isThere }) => isThere(namesIn(candidate)));
    if (kind === undefined) continue;
    throw new Error(
      `openDataset: ${candidate} is ${kind.what}, which is not read. ${kind.advice(candidate)}.`,
    );
  }
}
