import { freemem } from "node:os";
import type { Device, DeviceBuffer } from "@splitmask/kernels";
import type { NdArray } from "ndarray";
import type { PictureCache } from "../cache/pictureCache.js";
import { PictureError, type SkippedPicture } from "../decoding/pictureError.js";
import type { ImageDataset } from "../imageDataset.js";
import { DecodeQueue, type Turn } from "./decodeQueue.js";
import type { HeldPicture } from "./heldPicture.js";

/** Options of `PictureStore`. */
export interface PictureStoreOptions {
  /** Where pictures come from. */
  readonly dataset: ImageDataset;
  /** Where they go. */
  readonly device: Device;
  /** Pictures are reduced until their short side has so many pixels; null: full size. */
  readonly decodeSize: number | null;
  /** Bytes of decoded pictures that are kept. */
  readonly cacheBytes: number;
  /** Pictures that are decoded at the same time. */
  readonly workers: number;
  /** Bytes of decoded pictures that may wait for a batch that nobody has asked for yet. Default 256 MiB. */
  readonly readAheadBytes?: number | undefined;
  /** The pictures on disk, mapped: then nothing is decoded, and nothing kept. */
  readonly cache?: PictureCache | undefined;
}

interface Place {
  readonly slab: DeviceBuffer;
  readonly byteOffset: number;
  readonly height: number;
  readonly width: number;
}

/** A picture that somebody decodes, or waits to. */
interface Arrival {
  readonly turn: Turn;
  readonly picture: Promise<HeldPicture>;
}

const slabBytes = 32 << 20;
const alignment = 64;

/** Bytes of decoded pictures that wait for batches not asked for yet, unless it is said. */
const defaultReadAheadBytes = 256 << 20;

/** A third of the memory that is free, so that training and the system keep theirs. */
export function defaultCacheBytes(): number {
  const available = (process as { availableMemory?: () => number }).availableMemory?.() ?? freemem();
  return Math.floor(Math.min(available, freemem()) / 3);
}

/**
 * Decoded pictures on the device. Those that come first are kept until the cache is full and never make room for
 * others: when an epoch passes over more pictures than fit, a
 * cache that replaced the oldest would never hold the one that is wanted next. Kept pictures lie in slabs, so that they
 * need neither copying nor a buffer each. With a
 * `PictureCache` they are read in its mapped files instead.
 */
export class PictureStore {
  readonly #options: PictureStoreOptions;
  readonly #queue: DecodeQueue;
  readonly #kept = new Map<number, Place>();
  readonly #failed = new Map<number, PictureError>();
  readonly #slabs: DeviceBuffer[] = [];
  readonly #arriving = new Map<number, Arrival>();
  #slabUsed = 0;
  #keptBytes = 0;
  #decodes = 0;
  #closed = false;

  /**
   * @param options What is stored where.
   * @throws RangeError If the cache was made of other pictures or for another size.
   */
  constructor(options: PictureStoreOptions) {
    const { cache, dataset, decodeSize } = options;
    if (cache !== undefined && (cache.length !== dataset.length || cache.decodeSize !== decodeSize)) {
      const of = (length: number, size: number | null) =>
        `${length} pictures ${size === null ? "of full size" : `reduced to ${size} pixels`}`;
      throw new RangeError(
        `PictureStore: the cache holds ${of(cache.length, cache.decodeSize)}, but the data set has ` +
          `${of(dataset.length, decodeSize)}. Make it with the same data set and decodeSize.`,
      );
    }
    this.#options = options;
    this.#queue = new DecodeQueue(options.workers, options.readAheadBytes ?? defaultReadAheadBytes);
  }

  /** How many pictures are kept. */
  get keptPictures(): number {
    return this.#kept.size;
  }

  /** How often a picture was decoded. */
  get decodes(): number {
    return this.#decodes;
  }

  /** The pictures that could not be decoded, in the order of their indices. */
  skipped(): SkippedPicture[] {
    return [...this.#failed.entries()]
      .sort(([a], [b]) => a - b)
      .map(([, { path, reason }]) => ({ path, reason }));
  }

  /**
   * Picture `index`, from the cache or decoded.
   *
   * @param batch The number of the batch that it is for; those of lower batches are decoded first.
   * @throws PictureError (rejects) If it cannot be decoded.
   * @throws CancelledError (rejects) If the batch was given up meanwhile.
   */
  async get(index: number, batch = 0): Promise<HeldPicture> {
    const { cache } = this.#options;
    const mapped = cache === undefined || this.#failed.has(index) ? null : await this.#mapped(cache, index);
    if (mapped !== null) return mapped;
    for (;;) {
      const place = this.#kept.get(index);
      if (place !== undefined) return this.#hold(place);
      const failed = this.#failed.get(index);
      if (failed !== undefined) throw failed;
      const arriving = this.#arriving.get(index);
      if (arriving === undefined) break;
      // Somebody decodes it already: then it is kept, failed, or (no room) decoded again.
      this.#queue.hasten(arriving.turn, batch);
      await arriving.picture.catch(() => undefined);
    }
    const { turn, begun } = this.#queue.turn(batch);
    const picture = this.#decode(index, begun).finally(() => this.#arriving.delete(index));
    this.#arriving.set(index, { turn, picture });
    return picture;
  }

  /** Has a batch decoded even where the pictures that are read ahead take all memory that they may; until `unwant`. */
  want(batch: number): void {
    this.#queue.want(batch);
  }

  /** Takes back a `want`. */
  unwant(batch: number): void {
    this.#queue.unwant(batch);
  }

  /** Gives up the pictures of a batch whose decoding has not begun. */
  cancel(batch: number): void {
    this.#queue.cancel(batch);
  }

  /** Lets the kept pictures go and gives up what is waiting. Pictures that are held stay valid. */
  close(reason: Error = new Error("PictureStore: it was closed.")): void {
    this.#closed = true;
    this.#queue.close(reason);
    this.#kept.clear();
    for (const slab of this.#slabs.splice(0)) slab.release();
  }

  #hold({ slab, byteOffset, height, width }: Place): HeldPicture {
    slab.retain();
    return { buffer: slab, byteOffset, height, width, release: () => slab.release() };
  }

  async #mapped(cache: PictureCache, index: number): Promise<HeldPicture | null> {
    try {
      return await cache.get(index);
    } catch (error) {
      if (error instanceof PictureError) this.#failed.set(index, error);
      throw error;
    }
  }

  async #decode(index: number, begun: Promise<void>): Promise<HeldPicture> {
    await begun;
    const { dataset, decodeSize } = this.#options;
    try {
      this.#decodes++;
      return this.#store(
        index,
        await dataset.image(index, decodeSize === null ? {} : { shortSide: decodeSize }),
      );
    } catch (error) {
      if (error instanceof PictureError) this.#failed.set(index, error);
      throw error;
    } finally {
      this.#queue.done();
    }
  }

  /** Puts a decoded picture on the device: among the kept ones while there is room. */
  #store(index: number, picture: NdArray<Uint8Array>): HeldPicture {
    const { device } = this.#options;
    const [height, width, channels] = picture.shape as [number, number, number];
    const bytes = height * width * channels;
    const pixels = picture.data.subarray(picture.offset, picture.offset + bytes);
    const place = this.#reserve(bytes);
    if (place === null) {
      const buffer = device.borrow(pixels);
      this.#queue.hold(bytes);
      const release = () => {
        buffer.release();
        this.#queue.letGo(bytes);
      };
      return { buffer, byteOffset: 0, height, width, release };
    }
    const kept = { ...place, height, width };
    device.upload({ buffer: kept.slab, byteOffset: kept.byteOffset }, pixels, { copy: false });
    this.#kept.set(index, kept);
    return this.#hold(kept);
  }

  /** Room for so many bytes in the slabs; null if the cache is full. */
  #reserve(bytes: number): { slab: DeviceBuffer; byteOffset: number } | null {
    const { device, cacheBytes } = this.#options;
    const needed = Math.ceil(bytes / alignment) * alignment;
    let slab = this.#slabs[this.#slabs.length - 1];
    if (slab === undefined || this.#slabUsed + needed > slab.bytes) {
      const wanted = Math.max(needed, Math.min(slabBytes, cacheBytes - this.#keptBytes));
      if (this.#closed || this.#keptBytes + wanted > cacheBytes) return null;
      slab = device.allocate(wanted);
      this.#slabs.push(slab);
      this.#slabUsed = 0;
      this.#keptBytes += wanted;
    }
    const byteOffset = this.#slabUsed;
    this.#slabUsed += needed;
    return { slab, byteOffset };
  }
}
