import { fileURLToPath } from "node:url";
import { type HostTensor, readSafetensors, type Tensor, tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";

/** A fixture that tools/reference wrote. */
export async function readFixture(name: string): Promise<Map<string, HostTensor>> {
  return (await readSafetensors(fileURLToPath(new URL(`fixtures/${name}.safetensors`, import.meta.url))))
    .tensors;
}

/** One of its tensors on the device. */
export function upload(
  device: Device,
  fixture: Map<string, HostTensor>,
  key: string,
  requiresGrad = false,
): Tensor {
  const host = fixture.get(key);
  if (host === undefined)
    throw new Error(`the fixture holds no ${key}, only ${[...fixture.keys()].join(", ")}`);
  return tensor(device, host, undefined, { requiresGrad });
}

/** max|actual − expected| / max|expected|. */
export async function relativeError(
  actual: Tensor | null,
  expected: HostTensor | undefined,
): Promise<number> {
  const a = await actual!.data();
  const b = expected!.data as Float32Array;
  if (a.length !== b.length) throw new Error(`${a.length} elements, expected ${b.length}`);
  let [difference, largest] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    const d = Math.abs(a[i]! - b[i]!);
    if (!(d <= difference)) difference = d;
    largest = Math.max(largest, Math.abs(b[i]!));
  }
  return difference / largest;
}
