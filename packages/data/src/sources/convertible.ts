import { basename, join } from "node:path";
import { namesIn } from "./folderNames.js";

/** The command that makes Parquet of what `save_to_disk` of `datasets` wrote; several parts come as a dictionary. */
const toParquet = {
  parts: (folder: string) =>
    `mkdir ${basename(folder)}-parquet && python -c "from datasets import load_from_disk as load; ` +
    `[part.to_parquet('${basename(folder)}-parquet/%s.parquet' % name) for name, part in ` +
    `load('${folder}').items()]"`,
  one: (folder: string) =>
    `mkdir ${basename(folder)}-parquet && python -c "from datasets import load_from_disk as load; ` +
    `load('${folder}').to_parquet('${basename(folder)}-parquet/all.parquet')"`,
} as const;

/**
 * Refuses a folder of CIFAR's archives, and one that `save_to_disk` of Hugging Face's `datasets` wrote, or that holds
 * one. Arrow's own files are not read here, Parquet of the same pictures is.
 *
 * @throws Error If it is one; it says how to convert it.
 */
export function refuseConvertible(folder: string): void {
  for (const name of namesIn(folder)) refuseArchive(join(folder, name));
  for (const candidate of [folder, ...namesIn(folder).map((name) => join(folder, name))]) {
    const names = namesIn(candidate);
    const isOne = names.includes("state.json") && names.includes("dataset_info.json");
    if (!isOne && !names.includes("dataset_dict.json")) continue;
    const command = isOne ? toParquet.one(candidate) : toParquet.parts(candidate);
    throw new Error(
      `openDataset: ${candidate} was written by save_to_disk of Hugging Face's datasets, which is not read. ` +
        `Make Parquet of it: ${command}, and give the folder ${basename(candidate)}-parquet.`,
    );
  }
}

const cifarArchive = /^cifar-(100?)-(binary|python|matlab)\.(?:tar\.gz|tgz|tar)$/;

/** Whether a file is one of CIFAR's archives, by its name. */
export function isCifarArchive(name: string): boolean {
  return cifarArchive.test(name);
}

/**
 * Refuses CIFAR's archives, which look like tar shards.
 *
 * @throws Error If the path is one of them; it says how to unpack it.
 */
export function refuseArchive(path: string): void {
  const [, number, version] = cifarArchive.exec(basename(path)) ?? [];
  if (number === undefined) return;
  const unpacked = { binary: "cifar-10-batches-bin", python: "cifar-10-batches-py" }[version!];
  const folder = number === "10" ? unpacked : `cifar-100-${version}`;
  throw new Error(
    version === "matlab"
      ? `openDataset: ${path} is CIFAR for Matlab, which is not read. Get cifar-${number}-binary.tar.gz from ` +
          "https://www.cs.toronto.edu/~kriz/cifar.html."
      : `openDataset: ${path} is CIFAR's archive; unpack it with tar xzf ${path}, and give the folder ${folder}.`,
  );
}
