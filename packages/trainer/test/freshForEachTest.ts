import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDevice, type Device } from "@splitmask/kernels";

/** What a test gets for itself. */
interface Fresh {
  /** An empty folder. */
  readonly folder: string;
  /** A device with nothing on it. */
  readonly device: Device;
}

/** Gives every test of a file a folder and a device of its own, and takes them away after it. */
export function freshForEachTest(threads: number, use: (fresh: Fresh) => void): void {
  let fresh: Fresh;
  beforeEach(async () => {
    fresh = {
      folder: await mkdtemp(join(tmpdir(), "splitmask-trainer-")),
      device: createDevice({ threads }),
    };
    use(fresh);
  });
  afterEach(async () => {
    fresh.device.close();
    await rm(fresh.folder, { recursive: true, force: true });
  });
}
