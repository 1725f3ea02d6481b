// Our side of inference: pictures to tokens. Argument: { folder, batch, threads, weights } as JSON; the folder holds
// what tools/reference/export_encoder.py writes, `weights` is the format in which they are packed.
import { join } from "node:path";
import { readSafetensors, tensor } from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";
import { InferenceEncoder, VisionTransformer, vit } from "@splitmask/vit";
import { waves } from "../encoderComparisons.mjs";
import { serve } from "../serve.mjs";

const { folder, batch, threads, weights } = JSON.parse(process.argv[2]);
const device = createDevice({ threads });
const model = new VisionTransformer(device, vit("small", { classToken: true }));
model.loadStateDict((await readSafetensors(join(folder, "encoder.safetensors"))).tensors);
const encoder = new InferenceEncoder(model, { weights });
const pictures = tensor(device, waves(batch), [batch, 3, 224, 224]);

async function step() {
  const tokens = encoder.encode(pictures, { pooling: "none" });
  const values = await tokens.data();
  tokens.dispose();
  return values;
}

await serve({ information: { output: [...(await step()).slice(-8)] }, step });
device.close();
