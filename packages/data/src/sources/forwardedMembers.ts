import type { ImageDataset } from "../imageDataset.js";

/** A picture of a data set that others are made of. */
export interface PicturePlace {
  readonly dataset: ImageDataset;
  readonly index: number;
}

/** What a data set can do of which only some can. */
export type ForwardedMembers = Pick<ImageDataset, "size" | "stored" | "storedLength" | "values">;

/**
 * What a data set that is made of others can do where all of these can: each picture's own data set does it.
 *
 * @param parts The data sets that it is made of.
 * @param find The place of a picture, by its index; checks the index, and is told who asks.
 */
export function forwardedMembers(
  parts: readonly ImageDataset[],
  find: (what: string, index: number) => PicturePlace,
): ForwardedMembers {
  const members: ForwardedMembers = {
    async size(index) {
      const place = find("size", index);
      return place.dataset.size!(place.index);
    },
    async stored(index) {
      const place = find("stored", index);
      return place.dataset.stored!(place.index);
    },
    storedLength(index) {
      const place = find("storedLength", index);
      return place.dataset.storedLength!(place.index);
    },
    async values(index) {
      const place = find("values", index);
      return place.dataset.values!(place.index);
    },
  };
  const names = Object.keys(members) as (keyof ForwardedMembers)[];
  const shared = names.filter((name) => parts.every((part) => part[name] !== undefined));
  return Object.fromEntries(shared.map((name) => [name, members[name]]));
}
