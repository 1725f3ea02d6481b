import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDevice, type KernelArguments, kernelTable } from "@splitmask/kernels";
import { nativeAddon } from "../dist/backends/native/loader.js";
import { nativeBackend } from "../dist/backends/native/nativeBackend.js";
import { defineKernel } from "../dist/kernels/defineKernel.js";
import { entryOf, kernelGroups, signatureOf } from "../dist/kernelTable.js";

const names = Object.keys(kernelTable) as (keyof typeof kernelTable)[];

test("no two groups have a kernel of the same name", () => {
  expect(Object.values(kernelGroups).flatMap((group) => Object.keys(group))).toEqual(names);
});

test("the addon has every kernel of the table, with the arguments of its entry", () => {
  const expected = names.map((name) => ({ name, signature: signatureOf(entryOf(name)) }));
  expect(nativeAddon().kernels()).toEqual(expected);
});

test("a signature has names, types, order and codes of all arguments", () => {
  expect(signatureOf(entryOf("gradientNorm"))).toBe(
    "(dtype output, value maximum) each (const dtype gradient, integer size)",
  );
  expect(signatureOf(entryOf("scaleRows"))).toBe(
    "(dtype output, const dtype input, const dtype rowScale, const dtype residual?, integer rows, integer columns)",
  );
  // A type that is chosen by call is named by the number that says it.
  expect(signatureOf(entryOf("layerNorm"))).toMatch(
    /^\(outputType output, .*integer outputType \{dtype:0,bfloat16:1\}/,
  );
  expect(signatureOf(entryOf("sumColumns"))).toBe(
    "(dtype output, const bfloat16 input, integer rows, integer columns)",
  );
  expect(signatureOf(entryOf("reduce"))).toContain(
    "integer operation {sum:0,maximum:1,minimum:2}, integer outer",
  );
});

test("an addon that was compiled from other entries is an error that says so", () => {
  const swapped = nativeAddon()
    .kernels()
    .map((kernel) => ({
      ...kernel,
      signature: kernel.signature.replace("rows, integer columns", "columns, integer rows"),
    }));
  const open = (): never => {
    throw new Error("opened before its kernels were compared");
  };
  expect(() => createDevice({ backend: { ...nativeBackend, kernels: () => swapped, open } })).toThrow(
    "the native backend was compiled from other sources: scaleRows takes (dtype output, const dtype input, " +
      "const dtype rowScale, const dtype residual?, integer rows, integer columns) in kernelTable, but",
  );
});

describe("native/generated", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "splitmask-entries-"));
    for (const path of ["package.json", "scripts", "native", "dist"])
      cpSync(path, join(folder, path), { recursive: true });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const generate = (where: string, ...options: string[]) =>
    spawnSync(process.execPath, [join(where, "scripts/generate.mjs"), ...options], { encoding: "utf8" });
  const change = (path: string, from: string, to: string) => {
    const file = join(folder, path);
    const text = readFileSync(file, "utf8");
    expect(text).toContain(from);
    writeFileSync(file, text.replace(from, to));
  };

  test("is what the entries say", () => {
    expect(generate(".", "--check")).toMatchObject({ status: 0, stderr: "" });
  });

  test("is stale where an entry, a list of codes or a fast version changed, until it is generated again", () => {
    change("dist/kernels/losses.js", '"smoothing", "gradientScale"', '"gradientScale", "smoothing"');
    change("dist/kernels/codes.js", "xLogX: 12", "xTimesLogX: 12");
    change(
      "native/fast/clustering.cpp",
      "void kMeansUpdate(",
      "void notAKernel(int);\nstatic void kMeansUpdate(",
    );
    const stale = generate(folder, "--check");
    expect(stale.status).toBe(1);
    expect(stale.stderr).toContain(
      "native/generated is not what src/kernels says: codes.h, losses.h, kernels.def.",
    );
    expect(generate(folder)).toMatchObject({ status: 0, stderr: "" });
    expect(generate(folder, "--check").status).toBe(0);
    const generated = (name: string) => readFileSync(join(folder, "native/generated", name), "utf8");
    expect(generated("codes.h")).toContain("  xTimesLogX = 12,");
    expect(generated("losses.h")).toContain("  double gradientScale;\n  double smoothing;\n");
    expect(generated("kernels.def")).toContain("\nKERNEL(kMeansUpdate, KMeansUpdate, ");
  });

  test("an entry without a naive version, and a version without an entry, are errors that name the files", () => {
    change("native/naive/limits.cpp", "NAIVE_KERNEL(multiplyAdds, MultiplyAdds)", "");
    expect(generate(folder).stderr).toContain(
      "native/naive/limits.cpp has no NAIVE_KERNEL(multiplyAdds, MultiplyAdds).",
    );
    change("native/naive/limits.cpp", "NAIVE_KERNEL(bfloat16Dots,", "NAIVE_KERNEL(halfDots,");
    expect(generate(folder).stderr).toContain(
      "native has halfDots in limits.cpp, but src/kernels/limits.ts has no such entry.",
    );
    writeFileSync(join(folder, "native/fast/tensors.cpp"), "");
    expect(generate(folder).stderr).toContain(
      'native/fast/tensors.cpp is of no group: kernelGroups has no "tensors".',
    );
  });
});

test("arguments and entries are typed", () => {
  type Scale = KernelArguments<"scaleRows">;
  type Norm = KernelArguments<"gradientNorm">;
  const place = null as unknown as Scale["output"];
  const scale: Scale = { output: place, input: place, rowScale: place, rows: 1, columns: 1 };
  const norm: Norm = { output: place, maximum: 1, each: [{ gradient: place, size: 1 }] };
  // @ts-expect-error a buffer is missing that may not be null
  const noScale: Scale = { output: place, input: place, rows: 1, columns: 1 };
  // @ts-expect-error a number is missing
  const noRows: Scale = { ...scale, rows: undefined };
  // @ts-expect-error a kernel without a list takes none
  const list: Scale = { output: place, input: place, rowScale: place, rows: 1, columns: 1, each: [] };
  // @ts-expect-error an item lacks its size
  const noSize: Norm = { output: place, maximum: 1, each: [{ gradient: place }] };
  expect([scale, norm, noScale, noRows, list, noSize]).toHaveLength(6);

  const buffers = { output: { output: true, extent: (n: { readonly size: number }) => n.size } } as const;
  expect(defineKernel({ integers: ["size"], buffers, operations: () => 0 }).values).toEqual([]);
  // @ts-expect-error no cost
  defineKernel({ integers: ["size"], buffers });
  // @ts-expect-error no extent
  defineKernel({ integers: ["size"], buffers: { output: { output: true } }, operations: () => 0 });
  // @ts-expect-error the kernel has no such number
  defineKernel({ integers: ["size"], buffers: { output: { extent: (n) => n.rows } }, operations: () => 0 });
});
