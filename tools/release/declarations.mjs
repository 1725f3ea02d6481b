// Programs of users that check everything (`skipLibCheck: false`) and name no types to include compile against the
// installed declarations, with the oldest TypeScript that the READMEs promise and with the workspace's.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import typescript from "typescript";
import minimum from "typescript-minimum";

/** Packages whose declarations hand out sharp's objects, which are streams of Node.js; they bring `@types/node`. */
const withNodeTypes = ["@splitmask/report", "@splitmask/pipelines", "@splitmask/cli", "splitmask"];

/** Diagnostics, one line each, and whether the program has the types of Node.js. */
function compile(compiler, file, options) {
  const program = compiler.createProgram([file], options);
  const messages = compiler.getPreEmitDiagnostics(program).map((diagnostic) => {
    const text = compiler.flattenDiagnosticMessageText(diagnostic.messageText, "\n");
    return `${diagnostic.file?.fileName ?? ""}: ${text}`;
  });
  const hasNodeTypes = program.getSourceFiles().some(({ fileName }) => fileName.includes("/@types/node/"));
  return { messages, hasNodeTypes };
}

/**
 * Compiles a program in `project` that imports `packageNames`, which are installed there.
 * @throws Error with the diagnostics.
 */
export function checkDeclarations(project, packageNames) {
  const lean = packageNames.filter((name) => !withNodeTypes.includes(name));
  const programs = [
    { compiler: minimum, name: "lean", imported: lean },
    { compiler: minimum, name: "all", imported: packageNames },
    { compiler: typescript, name: "all", imported: packageNames },
  ];
  for (const { compiler, name, imported } of programs) {
    const file = join(project, `${name}.mts`);
    const lines = imported.map((each, index) => `export * as package${index} from "${each}";`);
    writeFileSync(file, `${lines.join("\n")}\n`);
    const { messages, hasNodeTypes } = compile(compiler, file, {
      module: compiler.ModuleKind.NodeNext,
      moduleResolution: compiler.ModuleResolutionKind.NodeNext,
      target: compiler.ScriptTarget.ES2022,
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      skipDefaultLibCheck: true, // TypeScript's own
      noEmit: true,
      types: [],
    });
    const where = `TypeScript ${compiler.version}, ${imported.join(", ")}`;
    if (messages.length > 0) throw new Error(`${where}:\n${messages.join("\n")}`);
    if (name === "lean" && hasNodeTypes) throw new Error(`${where}: they need @types/node`);
  }
}
