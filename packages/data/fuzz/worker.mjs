// The process that reads broken files, one after another; `fuzz.mjs` starts it, hears of each file, and ends it when it
// hangs.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { shownName } from "@splitmask/data";
import { formats } from "./formats.mjs";
import { mutated } from "./mutate.mjs";

/** What a parser's own code says when it stumbles; no message for people may hold it. */
const inside = new RegExp(
  [
    /undefined|\[object|NaN|BigInt|Cannot |is not a function|not iterable/.source,
    /outside the bounds|Invalid (typed )?array|allocation failed/.source,
  ].join("|"),
);

const [format, seed, from, to, folder] = JSON.parse(process.argv[2]);
const { files, extension, mend = (bytes) => bytes, read } = formats[format];
const valid = await files();
mkdirSync(folder, { recursive: true });

/**
 * What a reader is given for a path: calling it writes the file, `name` only names it. One name for all files: what the
 * file system keeps of a name is no leak of a reader's.
 */
function pathOf(bytes) {
  const name = join(folder, `file.${extension}`);
  const write = () => {
    writeFileSync(name, bytes);
    return name;
  };
  return Object.defineProperty(write, "name", { value: name });
}

// What cannot be read whole proves nothing when it cannot be read broken.
for (const [place, file] of valid.entries()) {
  const bytes = mend(file, 0);
  await read(pathOf(bytes), bytes, place);
}

for (let index = from; index < to; index++) {
  const bytes = mend(mutated(valid, { seed, format, index }), index);
  const path = pathOf(bytes);
  const started = performance.now();
  const outcome = await read(path, bytes, index).then(
    () => ({ kind: "read" }),
    (error) => judge(error, path.name),
  );
  const every = index % 250 === 249 || index === to - 1;
  if (every) global.gc?.();
  process.send({
    index,
    ...outcome,
    milliseconds: performance.now() - started,
    ...(every ? { residentBytes: process.memoryUsage.rss() } : {}),
  });
}
process.disconnect();

/**
 * An error is clear if it is one that the readers' documentation promises, and names the file (or, of a list, the
 * picture).
 */
function judge(error, name) {
  const { name: type, message, path, reason, stack } = error;
  const names =
    message.includes(name) || (type === "PictureError" && message.startsWith(`${shownName(path)}: `));
  if (
    (type === "PictureError" || type === "Error") &&
    names &&
    !inside.test(reason ?? message.replaceAll(name, ""))
  ) {
    return { kind: type, reason: (reason ?? message).replaceAll(name, "FILE").slice(0, 200) };
  }
  return { kind: "unclear", reason: String(stack).slice(0, 600) };
}
