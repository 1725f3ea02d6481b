// Rivals from npm: no dependencies of the workspace, but installed when they are to be measured, at fixed versions,
// under node_modules/.cache.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Each rival's packages, and whether they need their install scripts. */
const rivals = {
  jax: { packages: ["@jax-js/jax@0.1.25"], scripts: false },
  tfjs: { packages: ["@tensorflow/tfjs@4.22.0", "@tensorflow/tfjs-backend-wasm@4.22.0"], scripts: false },
  tfjsNode: { packages: ["@tensorflow/tfjs-node@4.22.0"], scripts: true },
  // Its script only fetches what GPUs need.
  onnxruntime: { packages: ["onnxruntime-node@1.30.0"], scripts: false },
};

/**
 * The folder that holds a rival, installed into it now if it is not there yet.
 *
 * @param {keyof typeof rivals} name
 * @param {(text: string) => void} say
 * @returns {{ folder: string } | { note: string }} `note`: why it could not be installed.
 */
export function installRival(name, say) {
  const { packages, scripts } = rivals[name];
  const versions = packages.map((each) => each.slice(each.lastIndexOf("@") + 1));
  const folder = fileURLToPath(
    new URL(`../node_modules/.cache/splitmask-benchmarks/${name}-${versions[0]}`, import.meta.url),
  );
  if (existsSync(folder)) return { folder };
  const temporary = `${folder}.${process.pid}`;
  say(`installing ${packages.join(", ")} into ${folder}`);
  mkdirSync(temporary, { recursive: true });
  writeFileSync(`${temporary}/package.json`, '{ "private": true }\n');
  const flags = ["--prefix", temporary, "--no-audit", "--no-fund", ...(scripts ? [] : ["--ignore-scripts"])];
  const { status, stderr } = spawnSync("npm", ["install", ...flags, ...packages], {
    encoding: "utf8",
    cwd: temporary,
    timeout: 300_000,
  });
  if (status === 0) {
    renameSync(temporary, folder);
    return { folder };
  }
  rmSync(temporary, { recursive: true, force: true });
  const reason = /Error: (.*)/.exec(stderr ?? "")?.[1] ?? "npm could not be run";
  return { note: `npm install ${packages.join(" ")} failed: ${reason}` };
}
