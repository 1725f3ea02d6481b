import { freemem } from "node:os";
import type { Device, DeviceBuffer } from "@splitmask/kernels";
import type { DevicePicture } from "../augmentation/imageBatch.js";
import { type ImageDataset, PictureError, type SkippedPicture } from "../imageDataset.js";

/** A picture on the device that somebody holds: `release()` it after its last kernel has been enqueued. */
export interface HeldPicture extends DevicePicture {
  /** Gives the picture back; its memory is reused when the queue has passed its last use. */
  release(): void;
}

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
}

interface Place {
  readonly slab: DeviceBuffer;
  readonly byteOffset: number;
  readonly height: number;
  readonly width: number;
}

const slabBytes = 32 << 20;
const alignment = 64;

/** A third of the memory that is free, so that training and the system keep theirs. */
export function defaultCacheBytes(): number {
  const available = (process as { availableMemory?: () => number }).availableMemory?.() ?? freemem();
  return Math.floor(Math.min(available, freemem()) / 3);
}

/**
 * Decoded pictures on the device. Those that come first are kept until the cache is full and never make room for others: when an epoch passes over more pictures than fit, a
 * cache that replaced the oldest would never hold the one that is wanted next. Kept pictures lie in slabs, so that they need neither copying nor a buffer each.
 */
export class PictureStore {
  readonly #options: PictureStoreOptions;
  readonly #kept = new Map<number, Place>();
  readonly #failed = new Map<number, PictureError>();
  readonly #waiting: (() => void)[] = [];
  readonly #slabs: DeviceBuffer[] = [];
  readonly #arriving = new Map<number, Promise<HeldPicture>>();
  #slabUsed = 0;
  #keptBytes = 0;
  #active = 0;
  #decodes = 0;
  #closed = false;

  /** @param options What is stored where. */
  constructor(options: PictureStoreOptions) {
    this.#options = options;
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
   * @throws PictureError (rejects) If it cannot be decoded.
   */
  async get(index: number): Promise<HeldPicture> {
    for (;;) {
      const place = this.#kept.get(index);
      if (place !== undefined) return this.#hold(place);
      const failed = this.#failed.get(index);
      if (failed !== undefined) throw failed;
      const arriving = this.#arriving.get(index);
      if (arriving === undefined) break;
      // Somebody decodes it already: then it is kept, failed, or (no room) decoded again.
      await arriving.catch(() => undefined);
    }
    const arrival = this.#decode(index).finally(() => this.#arriving.delete(index));
    this.#arriving.set(index, arrival);
    return arrival;
  }

  /** Lets the kept pictures go. Pictures that are held stay valid. */
  close(): void {
    this.#closed = true;
    this.#kept.clear();
    for (const slab of this.#slabs.splice(0)) slab.release();
  }

  #hold({ slab, byteOffset, height, width }: Place): HeldPicture {
    slab.retain();
    return { buffer: slab, byteOffset, height, width, release: () => slab.release() };
  }

  async #decode(index: number): Promise<HeldPicture> {
    const { dataset, device, decodeSize, workers } = this.#options;
    if (this.#active >= workers) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#active++;
    try {
      this.#decodes++;
      const picture = await dataset.image(index, decodeSize === null ? {} : { shortSide: decodeSize });
      const [height, width, channels] = picture.shape as [number, number, number];
      const bytes = height * width * channels;
      const pixels = picture.data.subarray(picture.offset, picture.offset + bytes);
      const place = this.#reserve(bytes);
      if (place === null) {
        const buffer = device.allocate(bytes);
        device.upload({ buffer, byteOffset: 0 }, pixels, { copy: false });
        return { buffer, byteOffset: 0, height, width, release: () => buffer.release() };
      }
      const kept = { ...place, height, width };
      device.upload({ buffer: kept.slab, byteOffset: kept.byteOffset }, pixels, { copy: false });
      this.#kept.set(index, kept);
      return this.#hold(kept);
    } catch (error) {
      if (error instanceof PictureError) this.#failed.set(index, error);
      throw error;
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#active--;
      else next();
    }
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
