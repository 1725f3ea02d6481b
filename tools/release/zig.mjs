// zig's compiler, which makes the binaries of every platform on one machine.
import { spawnSync } from "node:child_process";

/** The command of zig as a list of words: `ZIG`, as `python3 -m ziglang`, or what is found on this machine. */
export function findZig() {
  const commands = [process.env.ZIG, "zig", "python3 -m ziglang"]
    .filter(Boolean)
    .map((text) => text.split(/\s+/));
  const found = commands.find(
    ([program, ...words]) => spawnSync(program, [...words, "version"], { stdio: "ignore" }).status === 0,
  );
  if (found === undefined) {
    throw new Error(
      'zig was not found. Install it (`pip install ziglang==0.17.1`) or name it: ZIG="python3 -m ziglang".',
    );
  }
  return found;
}
