import { readFileSync, statSync } from "node:fs";
import {
  availableWasmSets,
  type Backend,
  type BackendDevice,
  type BackendFeature,
  type BufferArgument,
  buildCommand,
  checksum,
  createDevice,
  type Device,
} from "@splitmask/kernels";
import { conforms } from "./conformance.js";
import { runProgram } from "./runProgram.js";

const space = (device: Device, bytes: number): BufferArgument => ({
  buffer: device.allocate(bytes),
  byteOffset: 0,
});

describe("the addon", () => {
  test("is loaded when the first native device is made, and not before", () => {
    const { stdout, stderr } = runProgram(`
      const loads = [];
      const load = process.dlopen;
      process.dlopen = (module, path, ...rest) => {
        loads.push(path.split("/").at(-1));
        return load.call(process, module, path, ...rest);
      };
      createDevice({ backend: "dry" }).close();
      console.log("dry", loads.join());
      for (const threads of [1, 2]) createDevice({ threads }).close();
      console.log("native", loads.join());`);
    expect(stderr).toBe("");
    expect(stdout).toBe("dry \nnative splitmask_kernels.node\n");
  });

  test("that cannot be loaded is an error where it is asked for, which says what to do", () => {
    const { stdout, stderr } = runProgram(`
      process.dlopen = () => { throw new Error("wrong ELF class"); };
      createDevice({ backend: "dry" }).close();
      try { createDevice({ backend: "native" }); } catch (error) { console.log(error.message); }`);
    expect(stderr).toBe("");
    expect(stdout).toContain(`has no native addon for ${process.platform}-${process.arch} with Node.js`);
    expect(stdout).toMatch(/splitmask_kernels\.node: wrong ELF class\n/);
    expect(stdout).toContain(`Compile it with \`${buildCommand}\``);
  });
});

/** Uses of what a backend may have; each throws where it is not there. */
const uses: Record<BackendFeature, (device: Device) => Promise<unknown>> = {
  values: async (device) => {
    const place = space(device, 8);
    device.upload(place, Float32Array.of(1, 2));
    const values = new Float32Array(await device.download(place, 8));
    if (values[1] !== 2) throw new Error(`read ${values}`);
  },
  float64: async (device) => {
    device.run("fill", "float64", { output: space(device, 8), size: 1, value: Math.PI });
    await device.synchronize();
  },
  checkFinite: async (device) => {
    device.checkFinite = true;
    const place = space(device, 4);
    device.upload(place, Float32Array.of(1));
    device.run("affine", "float32", { output: place, input: place, size: 1, scale: 2, offset: 1 });
    await device.synchronize();
  },
  profile: async (device) => {
    device.startProfile();
    device.run("fill", "float32", { output: space(device, 8), size: 2, value: 1 });
    expect((await device.stopProfile()).calls).toHaveLength(1);
  },
  mapFile: async (device) => {
    const { size } = statSync("package.json");
    const buffer = device.mapFile("package.json", size);
    expect(device.memory().mappedBytes).toBe(size);
    buffer.release();
    expect(device.memory().mappedBytes).toBe(0);
  },
  borrow: async (device) => {
    const input = { buffer: device.borrow(Uint8Array.of(1, 2)), byteOffset: 0 };
    device.run("copyBytes", "float32", { output: space(device, 2), input, bytes: 2 });
    await device.synchronize();
  },
  checksum: async (device) => {
    const { size } = statSync("package.json");
    const file = { buffer: device.mapFile("package.json", size), byteOffset: 0 };
    expect(await device.checksum(file, size)).toBe(checksum(readFileSync("package.json")));
  },
};

const backends = ["native", ...(availableWasmSets().length > 0 ? (["wasm"] as const) : []), "dry"] as const;

describe.each(backends)("the %s backend", (backend) => {
  test.each(Object.entries(uses))("has %s, or says that it lacks it", async (feature, use) => {
    const device = createDevice({ backend, threads: 1 });
    try {
      if (device.lacks(feature as BackendFeature)) {
        await expect(use(device)).rejects.toThrow();
      } else {
        await use(device);
        conforms({ table: "features", row: feature, version: backend });
      }
    } finally {
      device.close();
    }
  });
});

describe("a dry device", () => {
  let dry: Device;
  beforeEach(() => {
    dry = createDevice({ backend: "dry", threads: 5 });
  });
  afterEach(() => dry.close());

  test("says what it is, with the threads and the instruction set that it is given", () => {
    expect(dry).toMatchObject({
      backend: "dry",
      threads: 5,
      implementation: "fast",
      instructionSet: "portable",
    });
    expect(dry.lacks("values")).toBe(true);
    expect(createDevice({ backend: "dry", instructionSet: "neon" }).instructionSet).toBe("neon");
  });

  test("counts blocks as the native pool does", () => {
    const native = createDevice({ threads: 1 });
    const live = ({ liveBytes, peakLiveBytes, liveBuffers }: ReturnType<Device["memory"]>) => [
      liveBytes,
      peakLiveBytes,
      liveBuffers,
    ];
    const around = (size: number) => [size - 1, size, size + 1];
    const sizes = [0, 1, ...[64, 512, 1000, 1024, 4096, 5000, 2 ** 20, 2 ** 22, 12_345_678].flatMap(around)];
    for (const device of [native, dry]) {
      const buffers = sizes.map((size) => device.allocate(size));
      for (const buffer of buffers.slice(3)) buffer.release();
      device.allocate(3_000_000).dispose();
    }
    expect(live(dry.memory())).toEqual(live(native.memory()));
    native.close();
  });

  test("holds nothing of what is allocated and uploaded, and what is downloaded is zeros", async () => {
    const before = process.memoryUsage();
    const large = space(dry, 2 ** 44);
    dry.upload(large, new Float32Array(1000).fill(1), { copy: false });
    dry.run("fill", "float32", { output: large, size: 2 ** 42, value: 7 });
    expect(new Float32Array(await dry.download(large, 12))).toEqual(new Float32Array(3));
    await dry.synchronize();
    expect(dry.memory()).toMatchObject({ liveBytes: 2 ** 44, cachedBytes: 0, mappedBytes: 0 });
    expect(process.memoryUsage().arrayBuffers - before.arrayBuffers).toBeLessThan(2 ** 20);
  });

  test("refuses what a real one refuses", () => {
    const small = space(dry, 100);
    expect(() => dry.run("fill", "float32", { output: small, size: 26, value: 1 })).toThrow(
      "fill: output needs 26 float32 elements (104 bytes)",
    );
    expect(() => dry.download(small, 101)).toThrow("do not fit a buffer of 100 bytes");
    expect(() => dry.mapFile(".", 10)).toThrow("mapFile: . cannot be mapped: it is no plain file.");
    expect(() => dry.mapFile("package.json", 10)).toThrow("bytes; expected 10.");
    const other = createDevice({ backend: "dry" });
    expect(() => other.run("fill", "float32", { output: small, size: 1, value: 1 })).toThrow(
      "belongs to another device",
    );
    dry.close();
    expect(() => dry.allocate(1)).toThrow("the device is closed: create another with createDevice()");
  });
});

describe("a backend of one's own", () => {
  /** Has one kernel, and says when it runs. */
  const counting = (lacks: readonly BackendFeature[], calls: string[]): Backend => ({
    name: "counting",
    lacks,
    kernels: () => [{ name: "fill", signature: "(dtype output, integer size, value value)" }],
    open: ({ threads }) => ({
      instructionSet: "portable",
      device: {
        setWords: () => {},
        allocate: (bytes: number) => calls.push(`allocate ${bytes} with ${threads} threads`),
        accountExternal: () => {},
        release: () => {},
        run: () => calls.push("run"),
        close: () => calls.push("close"),
      } as unknown as BackendDevice,
    }),
  });

  test("gets the calls, and kernels that it lacks are errors", () => {
    const calls: string[] = [];
    const device = createDevice({ backend: counting([], calls), threads: 3 });
    const output = space(device, 8);
    device.run("fill", "float32", { output, size: 2, value: 1 });
    expect(() => device.run("copyBytes", "float32", { output, input: output, bytes: 8 })).toThrow(
      "copyBytes: the counting backend has no such kernel",
    );
    device.close();
    expect(calls).toEqual(["allocate 8 with 3 threads", "run", "close"]);
  });

  test("what it lacks is an error that says so", () => {
    const lacks = ["float64", "checkFinite", "profile", "mapFile", "borrow", "checksum"] as const;
    const backend = counting(lacks, []);
    const device = createDevice({ backend, threads: 1 });
    const output = space(device, 8);
    const uses: Record<(typeof lacks)[number], () => unknown> = {
      float64: () => device.run("fill", "float64", { output, size: 1, value: 1 }),
      checkFinite: () => createDevice({ backend, checkFinite: true }),
      profile: () => device.startProfile(),
      mapFile: () => device.mapFile("package.json", 1),
      borrow: () => device.borrow(new Uint8Array(1)),
      checksum: () => device.checksum(output, 1),
    };
    for (const [feature, use] of Object.entries(uses)) {
      expect(use).toThrow(
        `the counting backend has no ${feature}; ` +
          'createDevice({ backend: "native" }) has it, and docs/features.md says what each backend has.',
      );
    }
  });

  test("a name that is none is an error", () => {
    expect(() => createDevice({ backend: "webgpu" as "native" })).toThrow(
      'createDevice: backend is "webgpu"; it must be "native", "wasm", "dry" or a Backend.',
    );
  });
});
