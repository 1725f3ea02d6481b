import type { Server } from "node:http";

/** The server of the page, not listening yet; `alone`: without the headers that let threads share memory. */
export function pageServer(options?: { readonly alone?: boolean }): Server;
