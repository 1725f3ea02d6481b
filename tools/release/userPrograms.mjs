// Programs that a user might write, which every runtime has to run.

/** One step of training: a program for every version of Node.js. */
export const trainingStep = `
import { createDevice } from "@splitmask/kernels";
import { mean, normal, square } from "@splitmask/autograd";
import { AdamW, parameterGroups } from "@splitmask/optim";
import { VisionTransformer } from "@splitmask/vit";

const device = createDevice();
const config = { imageSize: 16, patchSize: 8, width: 16, depth: 1, heads: 2 };
const model = new VisionTransformer(device, config, { seed: 0 });
const optimizer = new AdamW([...parameterGroups(model, { weightDecay: 0.05 })]);
const images = normal(device, [2, 3, 16, 16], { key: { seed: 1, purpose: "pictures" } });
const lossOf = () => mean(square(model.forward(images)));
const loss = lossOf();
loss.backward();
optimizer.step({ learningRate: 1e-3 });
const after = await lossOf().item();
console.log(after < (await loss.item()) ? "lower" : "not lower");
device.close();
`;

/** Whether `require()` gives what `import` gives, so that there is one `Tensor`: a CommonJS program. */
export const requireAll = (packageNames) => `
const names = ${JSON.stringify(packageNames)};
(async () => {
  for (const name of names) {
    const [required, imported] = [require(name), await import(name)];
    for (const key of Object.keys(imported))
      if (required[key] !== imported[key]) throw new Error(name + ": " + key + " of require() is another");
  }
  console.log("same");
})();
`;
