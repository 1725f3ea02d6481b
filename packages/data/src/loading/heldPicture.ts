import type { DevicePicture } from "@splitmask/augmentation";

/** A picture on the device that somebody holds: `release()` it after its last kernel has been enqueued. */
export interface HeldPicture extends DevicePicture {
  /** Gives the picture back; its memory is reused when the queue has passed its last use. */
  release(): void;
}
