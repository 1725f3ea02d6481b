// Compiles a C++ program of this folder together with the addon's sources, with the flags that the addon has: with
// others the compiler may share out registers otherwise, which is worth a factor of two.
import { dirname } from "node:path";
import { compile } from "../scripts/compile.mjs";

/** The compiler: `CXX`, as for the addon, or the machine's own. */
export const compiler = process.env.CXX ?? "c++";

/**
 * Compiles and links a program.
 *
 * @param program The path of the program; object files lie beside it.
 * @param parts `[{ name, sources, flags }]`: sources from the package's folder, and what they are compiled with.
 * @param libraries Flags of the linker.
 */
export const compileProgram = (program, parts, libraries = []) =>
  compile({
    output: program,
    folder: dirname(program),
    parts: parts.map((part) => ({ ...part, flags: [...part.flags, "-fPIC", "-w"] })),
    compiler: [compiler],
    libraries: ["-pthread", ...libraries],
  });
