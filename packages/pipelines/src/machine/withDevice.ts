import { createDevice, type Device } from "@splitmask/kernels";

/** Computes on a device of some threads, or of all cores, and closes it behind the work. */
export async function withDevice<Result>(
  threads: number | undefined,
  work: (device: Device) => Promise<Result>,
): Promise<Result> {
  const device = createDevice(threads === undefined ? {} : { threads });
  try {
    return await work(device);
  } finally {
    device.close();
  }
}
