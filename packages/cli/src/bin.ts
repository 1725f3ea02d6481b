#!/usr/bin/env node
import { main } from "./program.js";

// Who reads may stop reading (`splitmask … | head`): a run goes on without being heard.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}
process.exitCode = await main(process.argv.slice(2));
