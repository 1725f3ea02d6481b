import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { type Browser, chromium, type Page } from "playwright-core";

/** A page that was opened, and what the browser said of it since. */
export interface OpenedPage {
  readonly page: Page;
  /** Errors and warnings of the console, and exceptions that nothing caught. */
  readonly complaints: readonly string[];
  /** What it asked for besides itself and data that it holds. */
  readonly requests: readonly string[];
}

/**
 * Milliseconds that a busy machine may take to start the browser, or for a step on a page: less than a test has, so
 * that the browser tells what hangs.
 */
const patience = 1_200_000;

/** A headless browser. */
export interface TestBrowser {
  /** Opens a file, or an address (`http://…`). */
  open(path: string, options?: Parameters<Browser["newPage"]>[0]): Promise<OpenedPage>;
  close(): Promise<void>;
}

/**
 * Starts a headless Chromium. On Linux for x64 it is the one that the npm package @sparticuz/chromium holds, with the
 * libraries and the font that it needs, so that the machine needs none; elsewhere the Chrome that is installed, or the
 * one that SPLITMASK_CHROME names.
 */
export async function startBrowser(): Promise<TestBrowser> {
  const folder = await mkdtemp(join(tmpdir(), "splitmask-chromium-"));
  const browser = await chromium.launch({
    args: ["--no-sandbox"],
    timeout: patience,
    ...(process.platform === "linux" && process.arch === "x64"
      ? await unpackChromium(folder)
      : process.env.SPLITMASK_CHROME === undefined
        ? { channel: "chrome" }
        : { executablePath: process.env.SPLITMASK_CHROME }),
  });
  return {
    async open(path, options) {
      const page = await browser.newPage(options);
      page.setDefaultTimeout(patience);
      const complaints: string[] = [];
      const requests: string[] = [];
      const address = path.startsWith("http:") ? path : pathToFileURL(path).href;
      page.on("console", (message) => {
        if (message.type() !== "log") complaints.push(message.text());
      });
      page.on("pageerror", (error) => complaints.push(error.message));
      page.on("request", (request) => {
        if (request.url() !== address && !request.url().startsWith("data:")) requests.push(request.url());
      });
      await page.goto(address);
      return { page, complaints, requests };
    },
    async close() {
      await browser.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Unpacks the browser, its libraries and its font (2 s), in a process of its own: the folder is taken from TMPDIR. */
async function unpackChromium(
  folder: string,
): Promise<{ executablePath: string; env: Record<string, string> }> {
  const program =
    'import chromium from "@sparticuz/chromium"; process.stdout.write(await chromium.executablePath())';
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], {
    cwd: import.meta.dirname,
    // With this name it unpacks the libraries too, which are built for a glibc of 2.34 or later.
    env: { ...process.env, TMPDIR: folder, AWS_EXECUTION_ENV: "AWS_Lambda_nodejs20.x" },
  });
  const inherited = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return {
    executablePath: stdout,
    env: {
      ...Object.fromEntries(inherited),
      FONTCONFIG_FILE: await writeFontConfiguration(folder),
      LD_LIBRARY_PATH: [join(folder, "al2023", "lib"), process.env.LD_LIBRARY_PATH ?? []]
        .flat()
        .join(delimiter),
    },
  };
}

/** Points the browser to its font: the package's own configuration looks for it where cloud functions have it. */
async function writeFontConfiguration(folder: string): Promise<string> {
  const path = join(folder, "fonts.conf");
  const folders = `<dir>${join(folder, "fonts")}</dir><cachedir>${join(folder, "font-cache")}</cachedir>`;
  await writeFile(path, `<!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>${folders}</fontconfig>`);
  return path;
}
