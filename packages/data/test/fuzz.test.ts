import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { scratchFolder } from "./pictures.js";

const program = fileURLToPath(new URL("../fuzz/fuzz.mjs", import.meta.url));
const folder = scratchFolder();

interface Report {
  readonly format: string;
  readonly files: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly failures: readonly unknown[];
}

/** Runs the fuzzing program with few files; one report a format. */
function fuzz(...options: string[]): Promise<Report[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, "--json", "--keep", folder, ...options], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.on("error", reject);
    child.on("close", () =>
      resolve(
        output
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line) as Report),
      ),
    );
  });
}

// `node packages/data/fuzz/fuzz.mjs` reads 20,000 of each. Another seed finds other files.
test.each([
  ["jpeg,png,webp,avif,gif,tiff,tiff-deep,bmp,ppm,svg", 100],
  ["cifar10,cifar100,idx,idx-gz,idx-labels,tar,tar-gz,parquet,coco,list,indices", 80],
  ["cache-index,cache-pixels,cache-bad,cache-complete", 12],
])("broken files of %s are clear errors and end nothing", async (formats, count) => {
  const reports = await fuzz(
    "--format",
    formats,
    "--count",
    String(count),
    "--seed",
    "7",
    "--seconds",
    "900",
  );
  expect(reports.map(({ format }) => format)).toEqual(formats.split(","));
  for (const { format, failures, outcomes } of reports) {
    expect([format, failures]).toEqual([format, []]);
    const { read = 0, PictureError = 0, Error: errors = 0 } = outcomes;
    expect([format, read + PictureError + errors]).toEqual([format, count]);
  }
});
