import { containerFormats } from "./containers.mjs";
import { pictureFormats } from "./pictures.mjs";

/**
 * Everything that is fuzzed, by name: `files()` gives valid files, `read(path, bytes, index)` reads a broken one
 * (`path()` writes it and gives its path, `path.name` only names it), `mend(bytes, index)` may repair checksums that
 * would hide what lies behind them.
 */
export const formats = { ...pictureFormats, ...containerFormats };
