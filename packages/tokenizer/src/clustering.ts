import {
  add,
  affine,
  concatenate,
  copyInto,
  empty,
  hashPurpose,
  keep,
  l2Normalize,
  noGrad,
  RandomStream,
  relu,
  reshape,
  scaleRows,
  scope,
  slice,
  square,
  sum,
  type Tensor,
  zeros,
} from "@splitmask/autograd";
import { productPrecisions } from "@splitmask/kernels";
import { drawDistinct, takeRows } from "./drawRows.js";
import { directions, type PatchTransform, transformPatches } from "./patchTransform.js";

// Rows that are on the way at a time: transformed copies stay below 50 MB at d = 192.
const chunkRows = 65536;
// Centroids chosen between two reports.
const seedingStretch = 256;

/** A part of the patches, made when its turn comes. */
interface Chunk {
  readonly rows: number;
  readonly take: () => Tensor;
}

/** The state of k-means: centroids, and what is summed for their next move. Everything stays on the device. */
export class Clustering {
  /** V×d. */
  readonly centroids: Tensor;
  readonly #patches: Tensor;
  readonly #transform: PatchTransform;
  readonly #spherical: boolean;
  readonly #words: number;
  readonly #width: number;
  readonly #seed: number;
  readonly #sums: Tensor;
  readonly #counts: Tensor;
  readonly #shift: Tensor;

  constructor(
    patches: Tensor,
    transform: PatchTransform,
    options: { spherical: boolean; words: number; seed: number },
  ) {
    const { device } = patches;
    this.#patches = patches;
    this.#transform = transform;
    this.#spherical = options.spherical;
    this.#words = options.words;
    this.#seed = options.seed;
    this.#width = patches.shape[1]!;
    this.centroids = keep(zeros(device, [this.#words, this.#width]));
    this.#sums = keep(zeros(device, [this.#words, this.#width]));
    this.#counts = keep(zeros(device, [this.#words]));
    this.#shift = keep(zeros(device, [1]));
  }

  /** Starts from given centroids, V×d. */
  seedWith(initial: Tensor): void {
    if (initial.shape.length !== 2 || initial.shape[0] !== this.#words || initial.shape[1] !== this.#width) {
      throw new TypeError(
        `KMeansTokenizer.fit: initial is ${initial.shape.join("×")}; ` +
          `expected ${this.#words}×${this.#width}, one centroid a word.`,
      );
    }
    this.#now(() => copyInto(this.centroids, this.#spherical ? l2Normalize(initial) : initial));
  }

  /** k-means++ on `sample` of the patches, some centroids at a time. */
  async seedByDistance(
    sample: number,
    signal: AbortSignal | undefined,
    onProgress: (done: number) => void,
  ): Promise<void> {
    const { device } = this.#patches;
    const available = this.#patches.shape[0]!;
    const count = Math.min(available, Math.max(this.#words, sample));
    const points = this.#now(() =>
      // A handle of its own: without a transform the patches themselves are what is prepared.
      keep(this.#prepare(count === available ? this.#patches : this.#draw("sample", 0, count)).detach()),
    );
    const distances = keep(zeros(device, [count]));
    for (let from = 0; from < this.#words; from += seedingStretch) {
      signal?.throwIfAborted();
      const to = Math.min(this.#words, from + seedingStretch);
      device.run("kMeansSeed", "float32", {
        centroids: this.centroids,
        distances,
        pointsArray: points,
        points: count,
        width: this.#width,
        from,
        to,
        seed: this.#seed,
        purpose: hashPurpose("tokenizer.kMeans.seed"),
      });
      await device.synchronize();
      onProgress(to);
    }
    points.dispose();
    distances.dispose();
  }

  /** One pass over all patches, or over one batch of them, and the move of the centroids. */
  async iterate(
    iteration: number,
    batchSize: number | undefined,
  ): Promise<{ distance: number; emptyWords: number }> {
    const figures = this.#now(() => {
      const bias = this.#spherical ? null : affine(sum(square(this.centroids), { axes: [1] }), -0.5, 0);
      const chunks = batchSize === undefined ? this.#allChunks() : this.#batch(iteration, batchSize);
      // Mini-batches add up over iterations: each centroid is the mean of all patches it ever got.
      let accumulate = batchSize !== undefined && iteration > 0;
      const total = zeros(this.#patches.device, [1]);
      for (const chunk of chunks) {
        const before = accumulate;
        this.#now(() => copyInto(total, add(total, this.#assign(this.#prepare(chunk.take()), bias, before))));
        accumulate = true;
      }
      const rows = chunks.reduce((count, chunk) => count + chunk.rows, 0);
      const empty = relu(affine(this.#counts, -1, 1));
      this.#move(iteration, empty);
      return concatenate([affine(total, 1 / rows, 0), reshape(sum(empty), [1])], 0);
    });
    const [distance, emptyWords] = await figures.data();
    figures.dispose();
    return { distance: distance!, emptyWords: emptyWords! };
  }

  /** Adds the points to the sums of their nearest centroids. Returns the sum of their squared distances, [1]. */
  #assign(points: Tensor, bias: Tensor | null, accumulate: boolean): Tensor {
    const { device } = points;
    const rows = points.shape[0]!;
    const best = empty(device, [rows], "float32");
    const assignments = empty(device, [rows], "int32");
    device.run("gemmArgmax", "float32", {
      output: assignments,
      best,
      a: points,
      b: this.centroids,
      bias,
      m: rows,
      n: this.#words,
      k: this.#width,
      precision: productPrecisions.float32,
    });
    device.run("segmentSums", "float32", {
      sums: this.#sums,
      counts: this.#counts,
      pointsArray: points,
      assignments,
      points: rows,
      width: this.#width,
      segments: this.#words,
      accumulate: accumulate ? 1 : 0,
    });
    // ‖x − c‖² = ‖x‖² − 2·(x·c − ‖c‖²/2), and unit centroids carry no bias.
    const lengths = sum(square(points));
    const distance = add(lengths, affine(sum(best), -2, this.#spherical ? rows : 0));
    return reshape(distance, [1]);
  }

  /** Puts centroids on the means of their patches, and those without a patch on patches drawn for this iteration. */
  #move(iteration: number, empty: Tensor): void {
    this.#patches.device.run("kMeansUpdate", "float32", {
      centroids: this.centroids,
      shift: this.#shift,
      sums: this.#sums,
      counts: this.#counts,
      segments: this.#words,
      width: this.#width,
    });
    const moved = this.#spherical ? l2Normalize(this.centroids) : this.centroids;
    const spare = this.#prepare(this.#draw("empty", iteration, this.#words));
    copyInto(this.centroids, add(scaleRows(moved, affine(empty, -1, 1)), scaleRows(spare, empty)));
  }

  /** Patches as they are clustered. */
  #prepare(patches: Tensor): Tensor {
    return this.#spherical
      ? directions(patches, this.#transform)
      : transformPatches(patches, this.#transform);
  }

  #allChunks(): Chunk[] {
    const count = this.#patches.shape[0]!;
    return Array.from({ length: Math.ceil(count / chunkRows) }, (_, chunk) => {
      const from = chunk * chunkRows;
      const to = Math.min(count, from + chunkRows);
      return { rows: to - from, take: () => slice(this.#patches, 0, from, to) };
    });
  }

  #batch(iteration: number, batchSize: number): Chunk[] {
    const rows = Math.min(batchSize, this.#patches.shape[0]!);
    return [{ rows, take: () => this.#draw("batch", iteration, rows) }];
  }

  /** `count` different patches, drawn for a purpose and an iteration. */
  #draw(purpose: string, iteration: number, count: number): Tensor {
    const key = { seed: this.#seed, purpose: `tokenizer.kMeans.${purpose}`, step: iteration };
    return takeRows(this.#patches, drawDistinct(new RandomStream(key), count, this.#patches.shape[0]!));
  }

  /** Runs without a graph and gives back what is not returned. */
  #now<Result>(enqueue: () => Result): Result {
    const { device } = this.#patches;
    return noGrad(device, () => scope(device, enqueue));
  }
}
