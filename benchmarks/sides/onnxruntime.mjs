// onnxruntime-node: pictures to tokens, all graph optimizations. Argument: { folder, model, batch, threads, packages }
// as JSON.
import { createRequire } from "node:module";
import { join } from "node:path";
import { waves } from "../encoderComparisons.mjs";
import { serve } from "../serve.mjs";

const { folder, model, batch, threads, packages } = JSON.parse(process.argv[2]);
const { InferenceSession, Tensor } = createRequire(`${packages}/`)("onnxruntime-node");
const session = await InferenceSession.create(join(folder, model), {
  intraOpNumThreads: threads,
  graphOptimizationLevel: "all",
});
const pictures = new Tensor("float32", waves(batch), [batch, 3, 224, 224]);

async function step() {
  const { tokens } = await session.run({ pictures });
  return tokens.data;
}

await serve({ information: { output: [...(await step()).slice(-8)] }, step });
