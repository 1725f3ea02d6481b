// The C++ files of a folder, for binding.gyp: `node scripts/sources.mjs native/fast`. Not `ls`, which Windows has not.
import { readdirSync } from "node:fs";

const folder = process.argv[2];
const sources = readdirSync(folder).filter((name) => name.endsWith(".cpp"));
console.log(sources.map((name) => `${folder}/${name}`).join(" "));
