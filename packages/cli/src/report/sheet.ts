import sharp, { type Sharp } from "sharp";
import { dataUri } from "./draw.js";
import { escapeHtml } from "./escape.js";

/** One picture and what is made of it. */
export interface SheetRow {
  /** Where it comes from. */
  readonly name: string;
  /** As many as there are heads. */
  readonly cells: readonly Sharp[];
}

/** A table of pictures. */
export interface ContactSheet {
  /** The heading. */
  readonly title: string;
  /** One sentence about what is shown. */
  readonly note: string;
  /** The names of the columns. */
  readonly heads: readonly string[];
  /** The pictures. */
  readonly rows: readonly SheetRow[];
  /** Rows and columns of a cell in pixels; pictures of another shape are fitted in. */
  readonly cell: number;
}

const gap = 8;
const paper = { r: 247, g: 246, b: 243, alpha: 1 };

/** The pictures in cells of the sheet's size. Small ones keep their pixels. */
function fitted({ rows, cell }: ContactSheet): Promise<Buffer[][]> {
  return Promise.all(
    rows.map(({ cells }) =>
      Promise.all(
        cells.map(async (picture, column) => {
          const kernel = column === 0 ? "lanczos3" : "nearest";
          return picture.resize(cell, cell, { fit: "contain", background: paper, kernel }).png().toBuffer();
        }),
      ),
    ),
  );
}

/**
 * The sheet as a PNG without any text: rows of pictures, the columns in the order of the heads.
 *
 * @param sheet What is shown.
 */
export async function sheetPicture(sheet: ContactSheet): Promise<Buffer> {
  const { heads, rows, cell } = sheet;
  const along = (cells: number) => cells * (cell + gap) + gap;
  const cells = await fitted(sheet);
  return sharp({
    create: { width: along(heads.length), height: along(rows.length), channels: 4, background: paper },
  })
    .composite(cells.flatMap((row, y) => row.map((input, x) => ({ input, left: along(x), top: along(y) }))))
    .png()
    .toBuffer();
}

/**
 * The sheet as one self-contained page, with the names of pictures and columns.
 *
 * @param sheet What is shown.
 */
export async function sheetPage(sheet: ContactSheet): Promise<string> {
  const { title, note, heads, rows } = sheet;
  const cells = await fitted(sheet);
  const body = await Promise.all(
    rows.map(async ({ name }, row) => {
      const pictures = await Promise.all(cells[row]!.map((cell) => dataUri(sharp(cell))));
      const drawn = pictures.map(
        (uri, column) => `<td><img src="${uri}" alt="${escapeHtml(heads[column]!)}"></td>`,
      );
      return `<tr>${drawn.join("")}</tr><tr><td class="name" colspan="${heads.length}">${escapeHtml(name)}</td></tr>`;
    }),
  );
  const head = heads.map((text) => `<th>${escapeHtml(text)}</th>`).join("");
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>:root{color-scheme:light dark}body{margin:32px;font:15px/1.5 system-ui,sans-serif}h1{font-size:24px;margin:0}p,th,.name{color:GrayText}th{text-align:left;font-weight:500;font-size:13px}
.name{font-size:12px;padding-bottom:12px}td{padding:0 6px 2px 0}img{display:block;border-radius:4px;image-rendering:pixelated}</style>
<h1>${escapeHtml(title)}</h1><p>${escapeHtml(note)}</p>
<table><thead><tr>${head}</tr></thead><tbody>${body.join("\n")}</tbody></table>
</html>
`;
}
