// Serves dist/: `node serve.mjs [port]`. Two headers make the page cross-origin isolated, so that it may share memory
// among threads; without them (`--alone`) it trains on one thread.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("dist", import.meta.url));
const types = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
};
/** Nothing leaves the page: its scripts may connect only to where they came from, for the kernels. */
const policy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self' blob:",
  "connect-src 'self'",
  "img-src blob: data:",
  "style-src 'self'",
].join("; ");
const isolated = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/** The server, not yet listening. */
export function pageServer({ alone = false } = {}) {
  return createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const name = pathname === "/" ? "index.html" : pathname.slice(1);
    const type = types[extname(name)];
    const body = type && /^[\w.-]+$/.test(name) ? await readFile(join(folder, name)).catch(() => null) : null;
    if (body === null) response.writeHead(404).end();
    else {
      const headers = { "Content-Type": type, "Content-Security-Policy": policy };
      response.writeHead(200, { ...headers, ...(alone ? {} : isolated) }).end(body);
    }
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const port = Number(process.argv.find((argument) => /^\d+$/.test(argument)) ?? 8080);
  const server = pageServer({ alone: process.argv.includes("--alone") });
  server.listen(port, () => console.log(`http://localhost:${port}/`));
}
