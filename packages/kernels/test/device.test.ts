import { type BufferArgument, createDevice, type Device } from "@splitmask/kernels";

const at = (buffer: BufferArgument["buffer"], byteOffset = 0): BufferArgument => ({ buffer, byteOffset });

async function floats(device: Device, argument: BufferArgument, count: number): Promise<number[]> {
  return [...new Float32Array(await device.download(argument, 4 * count))];
}

describe("queue", () => {
  test("kernels run in order", async () => {
    const device = createDevice();
    const a = at(device.allocate(400));
    const b = at(device.allocate(400));
    for (let value = 0; value <= 20; value += 1) {
      device.run("fill", "float32", { output: a, size: 100, value });
      device.run("copyBytes", "float32", { output: b, input: a, bytes: 400 });
      device.run("fill", "float32", { output: a, size: 50, value: -1 });
    }
    expect(await floats(device, b, 100)).toEqual(Array(100).fill(20));
    expect(await floats(device, a, 100)).toEqual([...Array(50).fill(-1), ...Array(50).fill(20)]);
    device.close();
  });
});
