import { build } from "esbuild";

const packages = [
  ...["augmentation", "autograd", "decoder", "kernels", "losses", "methods/splitMask"],
  ...["nn", "optim", "tokenizer", "vit"],
];

test.each(packages)("@splitmask/%s bundles for browsers without a module of Node.js", async (name) => {
  const { metafile, outputFiles } = await build({
    stdin: { contents: `export * from "@splitmask/${name}";`, resolveDir: import.meta.dirname },
    ...{ bundle: true, write: false, metafile: true, platform: "browser", format: "esm", logLevel: "silent" },
  });
  const imported = Object.values(metafile.inputs).flatMap(({ imports }) => imports.map(({ path }) => path));
  expect(imported.filter((path) => path.startsWith("node:"))).toEqual([]);
  expect(outputFiles[0]!.text.length).toBeGreaterThan(1000);
});
