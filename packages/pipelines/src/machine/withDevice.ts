import { createDevice, type Device } from "@splitmask/kernels";

/**
 * Computes on a device, and closes it behind the work.
 *
 * @param threads Its threads; all cores when undefined.
 * @param work What is computed.
 */
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
