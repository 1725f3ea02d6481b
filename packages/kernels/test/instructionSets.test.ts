import { availableInstructionSets, cpuInfo, createDevice } from "@splitmask/kernels";
import { runProgram } from "./runProgram.js";

const missing = process.arch === "x64" ? "neon" : "avx2";

test("every available set runs, and the device says which one it took", async () => {
  for (const instructionSet of availableInstructionSets()) {
    const device = createDevice({ instructionSet, threads: 1 });
    expect(device.instructionSet).toBe(instructionSet);
    const output = { buffer: device.allocate(4 * 21), byteOffset: 0 };
    device.run("fill", "float32", { output, size: 21, value: 1.5 });
    expect(new Float32Array(await device.download(output, 84))).toEqual(new Float32Array(21).fill(1.5));
    device.close();
  }
});

test("cpuInfo tells what the machine has", () => {
  const info = cpuInfo();
  expect(info.model.length).toBeGreaterThan(0);
  expect(info.threads).toBeGreaterThanOrEqual(1);
  expect(info.threads).toBeLessThanOrEqual(info.cores);
  expect(info.availableInstructionSets[0]).toBe("portable");
  expect(info.availableInstructionSets).toContain(info.instructionSet);
  const device = createDevice();
  expect(device).toMatchObject({ threads: info.threads, instructionSet: info.instructionSet });
  device.close();
});

test("a set that the machine lacks is an error that names those it has", () => {
  expect(() => createDevice({ instructionSet: missing })).toThrow(
    `createDevice: instructionSet is "${missing}", but this machine runs only "portable"`,
  );
});

test("SPLITMASK_INSTRUCTION_SET sets what auto takes, and not what is asked for", () => {
  const run = (set: string, options: string) =>
    runProgram(`console.log(createDevice(${options}).instructionSet);`, { SPLITMASK_INSTRUCTION_SET: set });
  expect(run("portable", "").stdout).toBe("portable\n");
  const fastest = availableInstructionSets().at(-1)!;
  expect(run("portable", `{ instructionSet: "${fastest}" }`).stdout).toBe(`${fastest}\n`);
  const wrong = run("sse9", "");
  expect(wrong.status).toBe(1);
  expect(wrong.stderr).toContain(
    'SPLITMASK_INSTRUCTION_SET is "sse9", but this machine runs only "portable"',
  );
});
