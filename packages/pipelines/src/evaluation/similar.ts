import { relative } from "node:path";
import type { SkippedPicture } from "@splitmask/data";
import { nearestNeighbors } from "@splitmask/eval";
import { openPictures, rootOf } from "../pictures/pictures.js";
import { trainedRange } from "../runs/encoder.js";
import type { RunMethod } from "../runs/methodOf.js";
import type { SourceConfig } from "../settings/sourceFields.js";
import { silentTerminal, type Terminal } from "../terminal/terminal.js";
import { type UsedRun, withEncoder } from "./usedRun.js";

/** Which pictures are looked for, and where. */
export interface SimilarRequest extends UsedRun, SourceConfig, RunMethod {
  /** The picture that others are compared with; or several, as `openDataset` takes them. */
  readonly picture: string;
  /** The pictures that are searched: a folder, a file or a pattern, as `openDataset` takes it. */
  readonly folder: string;
  /** How many are given for each picture, at most all. Default 10. */
  readonly top?: number;
  /** The encoder as it was before training. */
  readonly untrained?: boolean;
}

/** A picture that is like another. */
export interface SimilarPicture {
  /** Its path within the searched folder. */
  readonly path: string;
  /** Cosine similarity of the two embeddings, −1 … 1. */
  readonly similarity: number;
}

/** What was found for a picture. */
export interface SimilarPictures {
  /** The picture's path within its own folder. */
  readonly picture: string;
  /** The most similar first; the picture itself too, where it is among those that are searched. */
  readonly found: readonly SimilarPicture[];
}

/** What {@link similar} finds. */
export interface SimilarResult {
  /** One for each picture that could be read. */
  readonly pictures: readonly SimilarPictures[];
  /** The searched folder, which the paths of what was found are relative to. */
  readonly root: string;
  /** The pictures that could not be read. */
  readonly skipped: readonly SkippedPicture[];
}

/**
 * The pictures of a folder that are most like a picture, by the cosine similarity of their embeddings.
 *
 * @param request What is looked for, and where.
 * @param terminal Where progress is told.
 * @throws Error where the run or the pictures are not there.
 */
export async function similar(
  request: SimilarRequest,
  terminal: Terminal = silentTerminal,
): Promise<SimilarResult> {
  const { folder, picture, run, top = 10, valueRange = await trainedRange(run) } = request;
  const wanted = await openPictures(picture, terminal, { ...request, valueRange });
  const searched = await openPictures(folder, terminal, { ...request, valueRange });
  return withEncoder(request, [wanted, searched], terminal, async ({ device, embed }) => {
    const [queries] = await embed(wanted, "given pictures");
    const [candidates] = await embed(searched, "searched pictures");
    terminal.endProgress();
    const k = Math.min(top, candidates.indices.length);
    const { indices, similarities } = await nearestNeighbors(
      device,
      candidates.features,
      queries.features,
      k,
    );
    const root = rootOf(searched);
    const wantedRoot = rootOf(wanted);
    const found = (row: number, place: number): SimilarPicture => ({
      path: relative(root, searched.path(candidates.indices[indices.get(row, place)]!)),
      similarity: Number(similarities.get(row, place).toPrecision(6)),
    });
    return {
      pictures: Array.from(queries.indices, (index, row) => ({
        picture: relative(wantedRoot, wanted.path(index)),
        found: Array.from({ length: k }, (_, place) => found(row, place)),
      })),
      root,
      skipped: [...queries.skipped, ...candidates.skipped],
    };
  });
}
