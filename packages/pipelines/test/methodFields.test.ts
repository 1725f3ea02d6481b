import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Method, methods } from "@splitmask/methods";
import {
  checkFields,
  defineConfig,
  field,
  finetuneFields,
  jsonSchema,
  loadMethod,
  methodOfFile,
  noteOf,
  pretrainingFields,
  pretrainingGroups,
  readConfigFile,
  sharedFields,
  valueKind,
} from "@splitmask/pipelines";
import { z } from "zod";
import { changedSettings, checkResume } from "../src/runs/description.js";

const fields = {
  ratio: field(z.number().min(0).max(1), {
    description: "Share of patches that are hidden; 0.75 when not given",
  }),
  order: field(z.enum(["random", "raster"]), { description: "Order of the patches; random when not given" }),
};
const { examine: _examine, ...mae } = methods.mae;
const other: Method<typeof fields> = {
  ...mae,
  ...{ name: "other", title: "Other", paper: "none", fields, decide: () => ({}) },
};
/** As a module of a user's own. */
const resolved = (name: string) => pathToFileURL(createRequire(import.meta.url).resolve(name)).href;
const otherModule = `
  import { field } from "${resolved("@splitmask/pipelines/settings")}";
  import { z } from "${resolved("zod")}";
  export const other = {
    name: "other", title: "Other", paper: "none", recipe: {}, decide() {}, create() {},
    fields: { ratio: field(z.number().min(0).max(1), { description: "Share of patches" }) },
  };
  export default other;`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "splitmask-method-"));
  await writeFile(join(folder, "other.mjs"), otherModule);
});
afterAll(() => rm(folder, { recursive: true }));

const file = async (name: string, text: string) => {
  await writeFile(join(folder, name), text);
  return join(folder, name);
};

describe("a method's own fields", () => {
  const all = pretrainingFields(other);
  test("are settings as the shared ones", () => {
    expect(checkFields(all, { ratio: 0.5, batch: 8 }, "x")).toEqual({ ratio: 0.5, batch: 8 });
    expect(() => checkFields(all, { ratio: 2 }, "x")).toThrow(
      "ratio: got 2, expected a number of at most 1.",
    );
    expect(() => checkFields(all, { order: "rnadom" }, "x")).toThrow(
      'order: got "rnadom", expected one of "random", "raster". Did you mean "random"?',
    );
    expect(() => checkFields(all, { raito: 1 }, "x")).toThrow(
      'unknown field "raito" (given 1). Did you mean "ratio"?',
    );
    expect(() => checkFields(all, { mask: "block" }, "x")).toThrow('unknown field "mask"');
  });
  test("may be what only a module holds", () => {
    expect(() => checkFields(all, { ratio: Math.max, batch: 5n }, "x")).toThrow(
      "x: ratio: got function max() { [native code] }, expected a number.\n  batch: got 5, expected a number.",
    );
  });
  test("have a group behind the method", () =>
    expect(pretrainingGroups(other).map(({ title }) => title)).toEqual([
      ...["Method", "Other", "Model", "Augmentation", "Normalization", "How pictures are opened"],
      ...["Which pictures are used", "Batch and length", "Optimization", "Run", "Monitor"],
    ]));
  test("have names of their own", () => {
    const clashing = { ...other, fields: { batch: sharedFields.batch } };
    expect(() => pretrainingGroups(clashing)).toThrow(
      'method other: its field "batch" has the name of a setting that all methods share; give it another.',
    );
  });
  test("may change when a run goes on where they say so, and others may not", () => {
    const shown = field(z.int(), { description: "How many are shown", mayChange: true });
    const fields = pretrainingFields({ ...other, fields: { ...other.fields, shown } });
    const before = { method: "other", config: { ratio: 0.75, shown: 1, threads: null }, given: {} };
    const given = { shown: 2, threads: 3, ratio: 0.75, batch: undefined };
    expect(() => checkResume(before, given, fields)).not.toThrow();
    expect(changedSettings(given, fields)).toEqual({ shown: 2, threads: 3 });
    expect(() => checkResume(before, { ratio: 0.5 }, fields)).toThrow("ratio was 0.75 and is now 0.5");
    // A setting of fine-tuning that may change there.
    const named = { ...before, config: { evaluateEvery: 1 } };
    expect(() => checkResume(named, { evaluateEvery: 2 }, fields)).toThrow(
      "evaluateEvery was 1 and is now 2",
    );
  });
  test("are typed in a configuration", () => {
    const method = other as unknown as Method<typeof fields>;
    expect(defineConfig({ method, ratio: 0.5, batch: 8 }).ratio).toBe(0.5);
    // @ts-expect-error The other method has no mask.
    expect(defineConfig({ method, mask: "block" })).toHaveProperty("mask");
    // @ts-expect-error It is a number.
    expect(defineConfig({ method, ratio: "0.5" })).toHaveProperty("ratio");
    expect(defineConfig({ mask: "block" }).mask).toBe("block");
    expect(defineConfig({ method: "splitmask", mask: "block" }).mask).toBe("block");
    // @ts-expect-error SplitMask has no ratio.
    expect(defineConfig({ ratio: 0.5 })).toHaveProperty("ratio");
  });
});

describe("a configuration file's method", () => {
  test("is a path from the file's folder on", async () => {
    const path = await file("a.json", '{ "$schema": "./x.json", "method": "./other.mjs", "ratio": 0.5 }');
    const method = join(folder, "other.mjs");
    expect(await readConfigFile(path)).toEqual({ method, ratio: 0.5 });
    expect(await methodOfFile(path)).toBe(method);
    expect((await loadMethod(method)).title).toBe("Other");
  });
  test("is in a module the method itself", async () => {
    const path = await file(
      "b.mjs",
      'import { other } from "./other.mjs"; export default { method: other, ratio: 0.5 };',
    );
    expect(await readConfigFile(path)).toMatchObject({ method: path, ratio: 0.5 });
    expect((await loadMethod(path)).name).toBe("other");
  });
  test("has other fields than another method", async () => {
    await expect(
      readConfigFile(await file("c.json", '{ "method": "splitmask", "ratio": 1 }')),
    ).rejects.toThrow('c.json: unknown field "ratio" (given 1).');
  });
  test.each([
    ["splitmsk", /there is no method "splitmsk"\. Did you mean "splitmask"\? Known methods: splitmask/],
    ["zebra", /there is no method "zebra"\. Known methods: splitmask/],
    ["./none.mjs", /method: there is no file .*none\.mjs\. Give the path of a \.js, \.mjs or \.ts file/],
    ["./named.mjs", /named\.mjs: has no default export\. Write: export default myMethod;/],
    [
      "./lacking.mjs",
      /lacking\.mjs: is not a method: it lacks title \(a text\), .*, create \(a function\)\./,
    ],
    ["./text.mjs", /text\.mjs: got "other", expected a method/],
    [
      "./bare.mjs",
      /bare\.mjs: its field "ratio" has no description\. Make it by field\(type, \{ description \}\)/,
    ],
  ])("%s is refused", async (method, message) => {
    await file("named.mjs", "export const other = {};");
    await file("text.mjs", 'export default "other";');
    await file("lacking.mjs", 'export default { name: "other", fields: {}, recipe: {}, decide() {} };');
    await file("bare.mjs", 'import o from "./other.mjs"; export default { ...o, fields: { ratio: {} } };');
    const path = await file("d.json", JSON.stringify({ method }));
    await expect(readConfigFile(path)).rejects.toThrow(message);
  });
});

test("the JSON schema says what the check of files says", () => {
  const schema = z.fromJSONSchema(
    jsonSchema(pretrainingFields(other), "Other") as z.core.JSONSchema.JSONSchema,
  );
  const good = {
    ...{ $schema: "./x.json", method: "./other.mjs", ratio: 0.5, model: "tiny", mean: [0.5, 0.5, 0.5] },
    ...{ recompute: true, milestones: [10, 20], precision: "bf16", subset: "10%" },
  };
  expect(schema.parse(good)).toEqual(good);
  for (const wrong of [
    { ratio: 2 },
    { order: "blok" },
    { mask: "block" },
    { batch: 1.5 },
    { mean: [1, 2] },
    { method: 1 },
  ])
    expect([wrong, schema.safeParse(wrong).success]).toEqual([wrong, false]);
  const { properties } = jsonSchema(finetuneFields, "Fine-tuning") as { properties: Record<string, object> };
  expect(Object.keys(properties)).toEqual(["$schema", ...Object.keys(finetuneFields)]);
  expect(Object.keys(properties.threads!).sort()).toEqual([
    ...["description", "exclusiveMinimum", "maximum", "type"], // nothing of the command line
  ]);
});

test("every setting says what it is, can be an option, and has a placeholder there", () => {
  for (const [name, type] of Object.entries({ ...pretrainingFields(other), ...finetuneFields })) {
    const { kind } = valueKind(type);
    const { description, placeholder = name in fields ? "<value>" : undefined } = noteOf(type);
    expect([name, kind]).not.toEqual([name, null]);
    expect([name, description]).toEqual([name, expect.stringMatching(/^\S.*[^.]$/)]);
    expect([name, placeholder === undefined]).toEqual([name, kind === "flag"]);
  }
});

test("fine-tuning shares fields with pre-training by reference", () => {
  const shared = Object.entries(finetuneFields).filter(([name]) => name in sharedFields);
  expect(shared.length).toBeGreaterThan(25);
  for (const [name, type] of shared) expect(sharedFields[name as keyof typeof sharedFields]).toBe(type);
});
