import { freemem, totalmem } from "node:os";
import { columns } from "@splitmask/pipelines/settings";
import type { CommandTerminal } from "../terminal/terminal.js";

/** One thing that was looked at. */
export interface Finding {
  /** What it is. */
  readonly name: string;
  /** Whether it is as it should be. */
  readonly ok: boolean;
  /** What was found. */
  readonly text: string;
  /** What to do about it, where it is not. */
  readonly cure?: string;
}

/** How the imports are done; a test gives one that fails. */
export type Importer = (name: string) => Promise<unknown>;

const defaultImporter: Importer = (name) => import(name);

/**
 * Looks at everything that training needs, loading each part by itself, so that one that is missing does not hide the
 * others.
 *
 * @param importer How packages are imported.
 * @returns The findings, in reading order.
 */
async function examine(importer: Importer = defaultImporter): Promise<Finding[]> {
  return [nodeFinding(), ...(await kernelFindings(importer)), memoryFinding(), await sharpFinding(importer)];
}

/**
 * `splitmask doctor`: prints the findings.
 *
 * @param terminal Where it is printed.
 * @param importer How packages are imported.
 * @throws Error where something is missing, after everything has been printed.
 */
export async function runDoctor(
  terminal: CommandTerminal,
  importer: Importer = defaultImporter,
): Promise<void> {
  const findings = await examine(importer);
  const { style } = terminal;
  const rows = columns(findings.map(({ name, text }) => [name, text]));
  const lines = findings.flatMap((finding, index) => [
    `${finding.ok ? style.green("✓") : style.red("✗")} ${rows[index]}`,
    ...(finding.cure === undefined
      ? []
      : finding.cure.split("\n").map((text) => `    ${style.yellow("→")} ${text}`)),
  ]);
  const bad = findings.filter((finding) => !finding.ok);
  if (bad.length > 0) {
    for (const text of lines) terminal.line(text);
    throw new Error(`${bad.map((finding) => finding.name).join(", ")}: not as needed; see what to do above.`);
  }
  terminal.result({ ok: true, findings }, [...lines, "", "Everything is in place."]);
}

/** As `engines` in package.json says. */
const neededNode = [20, 15] as const;

function nodeFinding(): Finding {
  const { node } = process.versions;
  const [major, minor] = node.split(".").map(Number) as [number, number];
  const [neededMajor, neededMinor] = neededNode;
  const ok = major > neededMajor || (major === neededMajor && minor >= neededMinor);
  const text = `${node} on ${process.platform}-${process.arch}${(process.features as { typescript?: unknown }).typescript ? ", imports TypeScript" : ""}`;
  return {
    name: "Node.js",
    ok,
    text,
    ...(ok ? {} : { cure: `Install Node.js ${neededNode.join(".")} or later: https://nodejs.org` }),
  };
}

async function kernelFindings(importer: Importer): Promise<Finding[]> {
  let kernels: typeof import("@splitmask/kernels");
  try {
    kernels = (await importer("@splitmask/kernels")) as typeof import("@splitmask/kernels");
  } catch (error) {
    const cure =
      "Build it with: npx splitmask-build-kernels (in a clone of the repository: npm run build).\n" +
      "That needs a C++17 compiler, make and python3:\n" +
      "  Debian, Ubuntu: apt-get install g++ make python3\n" +
      "  Fedora: dnf install gcc-c++ make python3\n" +
      "  macOS: xcode-select --install";
    return [{ name: "kernels", ok: false, text: firstLine(error), cure }];
  }
  const findings: Finding[] = [];
  const { model, cores, threads, availableInstructionSets, instructionSet } = kernels.cpuInfo();
  findings.push({ name: "CPU", ok: true, text: `${model}, ${cores} ${cores === 1 ? "core" : "cores"}` });
  const forced = process.env.SPLITMASK_INSTRUCTION_SET;
  findings.push({
    name: "instruction set",
    ok: true,
    text: `${instructionSet}${forced ? " (forced by SPLITMASK_INSTRUCTION_SET)" : ""}; this machine runs ${availableInstructionSets.join(", ")}`,
  });
  findings.push({
    name: "threads",
    ok: true,
    text: `${threads}${threads < cores ? `, the container's limit (the machine has ${cores})` : ""}`,
  });
  findings.push({ name: "addon", ok: true, text: loadedAddon() });
  findings.push(await selfTest(kernels));
  return findings;
}

/** Multiplies two matrices whose product is known, and times a larger product. */
async function selfTest(kernels: typeof import("@splitmask/kernels")): Promise<Finding> {
  try {
    const { tensor, uniform, matmul } = await import("@splitmask/autograd");
    const device = kernels.createDevice();
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
      return {
        name: "self-test",
        ok: true,
        text: `a known product is right; ${size}×${size} products run at ${speed.toFixed(0)} GFLOP/s`,
      };
    } finally {
      device.close();
    }
  } catch (error) {
    const cure =
      "Try a lower instruction set: SPLITMASK_INSTRUCTION_SET=portable splitmask doctor\nand build the addon anew: npx splitmask-build-kernels";
    return { name: "self-test", ok: false, text: firstLine(error), cure };
  }
}

/** The path of the native addon in this process. */
function loadedAddon(): string {
  const report = process.report?.getReport() as unknown as { sharedObjects?: string[] } | undefined;
  const path = report?.sharedObjects?.find(
    (object) => /splitmask.*\.node$/.test(object) || /kernels.*\.node$/.test(object),
  );
  return path ?? "loaded";
}

function memoryFinding(): Finding {
  const gibibytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const limit = process.constrainedMemory();
  const total = limit > 0 && limit < totalmem() ? limit : totalmem();
  const ok = total >= 1.5 * 2 ** 30;
  return {
    name: "memory",
    ok: true,
    text: `${gibibytes(total)}${limit > 0 && limit < totalmem() ? " (the container's limit)" : ""}, ${gibibytes(Math.min(freemem(), total))} free`,
    ...(ok ? {} : { cure: "Little memory: use a smaller --batch and --image-size." }),
  };
}

async function sharpFinding(importer: Importer): Promise<Finding> {
  try {
    const { default: sharp } = (await importer("sharp")) as typeof import("sharp");
    const wanted = ["jpeg", "png", "webp", "gif", "tiff", "heif", "svg"] as const;
    const formats = wanted.filter((name) => sharp.format[name]?.input.file === true);
    const picture = await sharp({ create: { width: 2, height: 2, channels: 3, background: "red" } })
      .png()
      .toBuffer();
    const { data } = await sharp(picture).raw().toBuffer({ resolveWithObject: true });
    if (data[0] !== 255 || data[1] !== 0)
      throw new Error("a red picture was not red after encoding and decoding");
    return {
      name: "sharp",
      ok: true,
      text: `${sharp.versions.sharp} (libvips ${sharp.versions.vips}) reads ${formats.join(", ")}`,
    };
  } catch (error) {
    return {
      name: "sharp",
      ok: false,
      text: firstLine(error),
      cure: "Decoding pictures needs sharp: npm install sharp (with optional dependencies: no --omit=optional), see https://sharp.pixelplumbing.com/install",
    };
  }
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split("\n")[0]!.trim();
}
