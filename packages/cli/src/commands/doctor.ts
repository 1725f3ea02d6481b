import { freemem, totalmem } from "node:os";
import { columns } from "@splitmask/pipelines/settings";
import { addCommand, type CommandLine } from "./commandLine.js";

type Kernels = typeof import("@splitmask/kernels");

/** One thing that was looked at, and what to do about it where it is not as it should be. */
interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly text: string;
  readonly cure?: string;
}

export function addDoctor({ program, terminal }: CommandLine): void {
  const help = `
    Check the installation: CPU, kernels, threads, and how to fix what is missing
    $ splitmask doctor
      check everything
    $ splitmask doctor --json
      the same as JSON`;
  addCommand(program, "doctor", help).action(async () => {
    const findings = [
      await tried("Node.js", nodeCure, testNode),
      ...(await kernelFindings()),
      memoryFinding(),
      await tried("sharp", sharpCure, testSharp),
    ];
    const { style } = terminal;
    const rows = columns(findings.map(({ name, text }) => [name, text]));
    const lines = findings.flatMap(({ cure, ok }, index) => [
      `${ok ? style.green("✓") : style.red("✗")} ${rows[index]}`,
      ...(cure?.split("\n") ?? []).map((text) => `    ${style.yellow("→")} ${text}`),
    ]);
    const bad = findings.filter(({ ok }) => !ok).map(({ name }) => name);
    if (bad.length > 0) {
      for (const text of lines) terminal.line(text);
      throw new Error(`${bad.join(", ")}: not as needed; see what to do above.`);
    }
    terminal.result({ ok: true, findings }, [...lines, "", "Everything is in place."]);
  });
}

/** What a test says of a thing; where it fails, the first line of the error. */
async function tried(name: string, cure: string, test: () => Promise<string>): Promise<Finding> {
  try {
    return { name, ok: true, text: await test() };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { name, ok: false, text: message.split("\n")[0]!.trim(), cure };
  }
}

/** As `engines` in package.json says. */
const [neededMajor, neededMinor] = [20, 15];

async function testNode(): Promise<string> {
  const { node } = process.versions;
  const [major, minor] = node.split(".").map(Number) as [number, number];
  const { typescript } = process.features as { readonly typescript?: unknown };
  const text = `${node} on ${process.platform}-${process.arch}${typescript ? ", imports TypeScript" : ""}`;
  if (major > neededMajor || (major === neededMajor && minor >= neededMinor)) return text;
  throw new Error(text);
}

const nodeCure = `Install Node.js ${neededMajor}.${neededMinor} or later: https://nodejs.org`;

const kernelsCure =
  "Compiling needs a C++17 compiler:\n" +
  "  Debian, Ubuntu: apt-get install g++\n" +
  "  Fedora: dnf install gcc-c++\n" +
  "  macOS: xcode-select --install";

const selfTestCure = (buildCommand: string) =>
  "Try a lower instruction set: SPLITMASK_INSTRUCTION_SET=portable splitmask doctor\n" +
  `and build the addon anew: ${buildCommand}`;

const sharpCure =
  "Decoding pictures needs sharp: npm install sharp (with optional dependencies: no --omit=optional), see " +
  "https://sharp.pixelplumbing.com/install";

/** Each part is loaded by itself, so that one that is missing does not hide the others. */
async function kernelFindings(): Promise<Finding[]> {
  let kernels: Kernels | undefined;
  const addon = await tried("kernels", kernelsCure, async () => {
    kernels = await import("@splitmask/kernels");
    kernels.cpuInfo(); // which loads the addon
    return loadedAddon();
  });
  if (kernels === undefined || !addon.ok) return [addon];
  const { buildCommand } = kernels;
  const { model, cores, threads, availableInstructionSets, instructionSet } = kernels.cpuInfo();
  const forced = process.env.SPLITMASK_INSTRUCTION_SET ? " (forced by SPLITMASK_INSTRUCTION_SET)" : "";
  const limit = threads < cores ? `, the container's limit (the machine has ${cores})` : "";
  const found = (name: string, text: string): Finding => ({ name, ok: true, text });
  return [
    found("CPU", `${model}, ${cores} ${cores === 1 ? "core" : "cores"}`),
    found(
      "instruction set",
      `${instructionSet}${forced}; this machine runs ${availableInstructionSets.join(", ")}`,
    ),
    found("threads", `${threads}${limit}`),
    { ...addon, name: "addon" },
    await tried("self-test", selfTestCure(buildCommand), testKernels),
  ];
}

/** Multiplies two matrices whose product is known, and times a larger product. */
async function testKernels(): Promise<string> {
  const { createDevice } = await import("@splitmask/kernels");
  const { tensor, uniform, matmul } = await import("@splitmask/autograd");
  const device = createDevice();
  try {
    const product = matmul(tensor(device, [1, 2, 3, 4], [2, 2]), tensor(device, [5, 6, 7, 8], [2, 2]));
    const values = Array.from(await product.data());
    if (values.join() !== "19,22,43,50")
      throw new Error(`a 2×2 product gave ${values.join(", ")}, expected 19, 22, 43, 50`);
    const size = 512;
    const a = uniform(device, [size, size], { low: -1, high: 1, key: { seed: 0, purpose: "doctor" } });
    matmul(a, a);
    await device.synchronize();
    const repeats = 8;
    const started = performance.now();
    for (let repeat = 0; repeat < repeats; repeat++) matmul(a, a);
    await device.synchronize();
    const seconds = (performance.now() - started) / 1000;
    const speed = (2 * size ** 3 * repeats) / seconds / 1e9;
    return `a known product is right; ${size}×${size} products run at ${speed.toFixed(0)} GFLOP/s`;
  } finally {
    device.close();
  }
}

/** The path of the native addon in this process. */
function loadedAddon(): string {
  const report = process.report?.getReport() as unknown as { sharedObjects?: string[] } | undefined;
  return report?.sharedObjects?.find((object) => /(splitmask|kernels).*\.node$/.test(object)) ?? "loaded";
}

function memoryFinding(): Finding {
  const gibibytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const limit = process.constrainedMemory();
  const limited = limit > 0 && limit < totalmem();
  const total = limited ? limit : totalmem();
  const free = gibibytes(Math.min(freemem(), total));
  const little = total < 1.5 * 2 ** 30;
  return {
    ...{ name: "memory", ok: true },
    text: `${gibibytes(total)}${limited ? " (the container's limit)" : ""}, ${free} free`,
    ...(little ? { cure: "Little memory: use a smaller --batch and --image-size." } : {}),
  };
}

/** Encodes and decodes a picture. */
async function testSharp(): Promise<string> {
  const { default: sharp } = await import("sharp");
  const wanted = ["jpeg", "png", "webp", "gif", "tiff", "heif", "svg"] as const;
  const formats = wanted.filter((name) => sharp.format[name]?.input.file === true);
  const red = { create: { width: 2, height: 2, channels: 3, background: "red" } } as const;
  const data = await sharp(await sharp(red).png().toBuffer())
    .raw()
    .toBuffer();
  if (data[0] !== 255 || data[1] !== 0)
    throw new Error("a red picture was not red after encoding and decoding");
  return `${sharp.versions.sharp} (libvips ${sharp.versions.vips}) reads ${formats.join(", ")}`;
}
