// Writes small encoders of every kind for timm and transformers, with their features, for load_written_encoders.py.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { normal, writeSafetensors } from "../../packages/autograd/dist/index.js";
import { createDevice } from "../../packages/kernels/dist/index.js";
import { saveEncoder, VisionTransformer } from "../../packages/vit/dist/index.js";

const folder = process.argv[2];
const device = createDevice({ threads: 1 });
const normalization = { mean: [0.5, 0.4, 0.3], std: [0.2, 0.25, 0.3] };
const common = { imageSize: 32, patchSize: 8, width: 32, depth: 2, heads: 4, mlpRatio: 2 };
const both = ["timm", "transformers"];
const kinds = {
  patches: [{}, both],
  "layer-scale": [{ layerScale: 0.5 }, both],
  "sine-cosine": [{ positions: "sincos" }, both],
  "no-positions": [{ positions: "none", qkvBias: false }, both],
  "class-token": [{ classToken: true }, both],
  "class-token-scaled": [{ classToken: true, layerScale: 0.5, prefixPositions: "none" }, both],
  registers: [{ classToken: true, registerTokens: 3, layerScale: 0.5 }, both],
  "registers-placed": [{ classToken: true, registerTokens: 3, prefixPositions: "all" }, both],
  "quick-gelu": [{ classToken: true, activation: "quickGelu" }, both],
  clip: [{ classToken: true, activation: "quickGelu", preNorm: true, epsilon: 1e-5 }, ["timm"]],
};
for (const [name, [own, formats]] of Object.entries(kinds)) {
  const encoder = new VisionTransformer(device, { ...common, ...own }, { seed: 1 });
  // Nothing stays 0 or 1, or small.
  const drawn = [...encoder.namedParameters()].map(([key, { shape }]) => [
    key,
    normal(device, [...shape], { standardDeviation: 0.2, key: { seed: 2, purpose: key } }),
  ]);
  encoder.loadStateDict(new Map(drawn));
  const images = normal(device, [2, 3, 32, 32], { key: { seed: 3, purpose: "images" } });
  const tokens = encoder.encode(images, { pooling: "none" });
  const place = join(folder, name);
  mkdirSync(place, { recursive: true });
  await writeSafetensors(
    join(place, "features.safetensors"),
    new Map([
      ["images", await images.toHost()],
      ["tokens", await tokens.toHost()],
    ]),
  );
  for (const format of formats)
    await saveEncoder(join(place, format), { encoder, normalization }, { format });
}
device.close();
