import { spawnSync } from "node:child_process";

test("importing kernels, autograd and nn and training a layer on a dry device loads no addon", () => {
  const program = `
    const loads = [];
    process.dlopen = (_, path) => {
      loads.push(path);
      throw new Error("loaded " + path);
    };
    const { createDevice } = await import("@splitmask/kernels");
    const { full, scope, sum } = await import("@splitmask/autograd");
    const { Linear } = await import("@splitmask/nn");
    const device = createDevice({ backend: "dry" });
    const layer = new Linear(device, { inFeatures: 3, outFeatures: 2, seed: 0, purpose: "layer" });
    const loss = scope(device, () => {
      const loss = sum(layer.forward(full(device, [4, 3], 1)));
      loss.backward();
      return loss;
    });
    console.log(loads.length, await loss.item(), ...layer.parameters()[0].grad.shape);`;
  const child = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
    encoding: "utf8",
    cwd: process.cwd(),
  });
  expect(child.stderr).toBe("");
  expect(child.stdout).toBe("0 0 2 3\n");
});
