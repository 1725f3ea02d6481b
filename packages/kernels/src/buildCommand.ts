import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("../scripts/build.mjs", import.meta.url));

/** The command that compiles the native addon of this copy of the package, to be printed: it works in any folder. */
export const buildCommand = `node ${/\s/.test(script) ? `"${script}"` : script}`;
