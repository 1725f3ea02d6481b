import { dirname, resolve } from "node:path";
import type { DecodeOptions } from "../decoding/decodePicture.js";
import { commonFolder } from "./commonFolder.js";
import { ImageFiles, labelsByFolder } from "./imageFiles.js";

/** Pictures by their paths, in the order in which they are given, without labels. */
export function pictureFiles(
  paths: readonly string[],
  { classes, ...decode }: DecodeOptions & { readonly classes?: readonly string[] },
): ImageFiles {
  const files = paths.map((path) => resolve(path));
  const labels = labelsByFolder(
    "openDataset",
    files.join(", "),
    files.map(() => null),
    classes,
  );
  return new ImageFiles(commonFolder(files.map(dirname)), files, labels, decode);
}
