import sharp, { type Sharp } from "sharp";
import { html } from "../html/html.js";
import { dataUri } from "../looks/draw.js";
import { htmlDocument } from "./page.js";
import { pictureRows } from "./pictureRows.js";

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
        cells.map((picture, column) => {
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
  const views = await Promise.all(
    rows.map(async ({ name }, row) => {
      const [original, ...images] = await Promise.all(cells[row]!.map((cell) => dataUri(sharp(cell))));
      const panels = images.map((image, column) => ({ caption: heads[column + 1]!, image }));
      return { name, original: original!, panels };
    }),
  );
  return htmlDocument(
    title,
    html`<p class="lead">${note}</p>`,
    html`${pictureRows(views)}
`,
  );
}
