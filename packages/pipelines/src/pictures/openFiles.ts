import type { ImageDataset } from "@splitmask/data";

async function close(pictures: readonly (ImageDataset | null)[]): Promise<void> {
  for (const dataset of pictures) await dataset?.close?.();
}

/** Works with pictures, and lets go of their files behind it. */
export async function withPictures<Result>(
  pictures: readonly (ImageDataset | null)[],
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } finally {
    await close(pictures);
  }
}

/** Works with pictures that stay open; where that fails, lets go of their files. */
export async function closedOnError<Result>(
  pictures: readonly (ImageDataset | null)[],
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    await close(pictures);
    throw error;
  }
}
