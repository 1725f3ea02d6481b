import { extname } from "node:path";
import type { DatasetNote } from "../imageDataset.js";
import { shownName } from "../shownName.js";

/** Endings (lower case) of the files that are taken for pictures, unless told otherwise. */
export const pictureExtensions: readonly string[] = [
  ".jpg",
  ".jpeg",
  ".jpe",
  ".jfif",
  ".png",
  ".webp",
  ".avif",
  ".gif",
  ".tif",
  ".tiff",
  ".svg",
  ".bmp",
  ".dib",
  ".pbm",
  ".pgm",
  ".ppm",
  ".pnm",
];

/** A format that holds pictures and is not decoded. */
interface OtherFormat {
  readonly name: string;
  readonly endings: readonly string[];
  /** How to make pictures of it that are. */
  readonly remedy: string;
}

const convert = (command: string) => `convert them, for instance with ${command}`;

const otherFormats: readonly OtherFormat[] = [
  {
    name: "HEIC",
    endings: [".heic", ".heif", ".hif", ".heics", ".heifs"],
    remedy: convert("heif-convert in.heic out.jpg"),
  },
  { name: "JPEG XL", endings: [".jxl"], remedy: convert("djxl in.jxl out.png") },
  {
    name: "JPEG 2000",
    endings: [".jp2", ".j2k", ".jpf", ".jpx", ".jpm", ".j2c", ".jpc"],
    remedy: convert("opj_decompress -i in.jp2 -o out.png"),
  },
  {
    name: "camera raw",
    endings: (
      ".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .iiq .kdc .mef .mrw .nef .nrw .orf .pef .raf .rw2 .rwl " +
      ".sr2 .srf .srw .x3f"
    ).split(" "),
    remedy: convert("darktable-cli in.cr2 out.jpg"),
  },
  { name: "Photoshop", endings: [".psd", ".psb"], remedy: convert("magick 'in.psd[0]' out.png") },
  { name: "GIMP", endings: [".xcf"], remedy: convert("magick in.xcf -flatten out.png") },
  { name: "PAM or PFM", endings: [".pam", ".pfm"], remedy: convert("magick in.pam out.png") },
  { name: "icon", endings: [".ico", ".icns"], remedy: convert("magick in.ico out.png") },
  { name: "TGA", endings: [".tga"], remedy: convert("magick in.tga out.png") },
  { name: "high dynamic range", endings: [".exr", ".hdr"], remedy: convert("magick in.exr out.png") },
  {
    name: "DICOM",
    endings: [".dcm", ".dicom"],
    remedy: convert("dcmj2pnm --write-png in.dcm out.png"),
  },
  { name: "PDF", endings: [".pdf"], remedy: convert("pdftoppm -png in.pdf out") },
  {
    name: "video",
    endings: ".mp4 .m4v .mov .avi .mkv .webm .mpg .mpeg .mts .m2ts .wmv .flv .3gp".split(" "),
    remedy: "extract pictures from them, for instance with ffmpeg -i in.mp4 -vf fps=1 out-%05d.jpg",
  },
  { name: "zip", endings: [".zip"], remedy: "unpack them, for instance with unzip in.zip -d out" },
  { name: "7z or rar", endings: [".7z", ".rar"], remedy: "unpack them, for instance with 7z x in.7z" },
  { name: "tar", endings: [".tar", ".tar.gz", ".tgz"], remedy: "open them by their own path" },
  {
    name: "tar.bz2",
    endings: [".tar.bz2", ".tbz", ".tbz2"],
    remedy: "unpack them, for instance with bunzip2 -k in.tar.bz2, and open the .tar files",
  },
  {
    name: "tar.xz",
    endings: [".tar.xz", ".txz"],
    remedy: "unpack them, for instance with unxz -k in.tar.xz, and open the .tar files",
  },
  {
    name: "tar.zst",
    endings: [".tar.zst", ".tzst"],
    remedy: "unpack them, for instance with unzstd in.tar.zst, and open the .tar files",
  },
];

const byEnding = new Map(
  otherFormats.flatMap((format) => format.endings.map((ending) => [ending, format] as const)),
);

/** Whether a name ends as a picture's. */
export function isPictureName(name: string, extensions: readonly string[] = pictureExtensions): boolean {
  return extensions.includes(extname(name).toLowerCase());
}

function otherFormatOf(name: string): OtherFormat | undefined {
  const ending = /\.tar\.\w+$/.exec(name.toLowerCase())?.[0] ?? extname(name).toLowerCase();
  return byEnding.get(ending);
}

/** What to do with a file of a format that holds pictures and is not decoded, by its name; null: it is none. */
export function remedyFor(name: string): string | null {
  const format = otherFormatOf(name);
  return format === undefined ? null : `${format.name}, which is not read: ${format.remedy}`;
}

/** Files of formats that are not decoded, by the ending of their names. */
export class LeftAlone {
  readonly #files = new Map<OtherFormat, { count: number; example: string }>();

  /** Counts a file, if its format is known. */
  add(name: string, count = 1): void {
    const format = otherFormatOf(name);
    if (format === undefined) return;
    const seen = this.#files.get(format) ?? { count: 0, example: name };
    seen.count += count;
    if (name < seen.example) seen.example = name;
    this.#files.set(format, seen);
  }

  /** How many there are of each format, the most common first: `12 HEIC files, e.g. a.heic: convert them, …`. */
  sentences(): string[] {
    return [...this.#files]
      .sort(([, a], [, b]) => b.count - a.count)
      .map(
        ([{ name, remedy }, { count, example }]) =>
          `${name}: ${count} ${count === 1 ? "file" : "files"}, e.g. ${shownName(example)}; ${remedy}`,
      );
  }

  /** A note for each format. */
  notes(): DatasetNote[] {
    return this.sentences().map((text) => ({ level: "warning", text: `not decoded: ${text}` }));
  }
}

/** The text of a note as a sentence of its own, behind an error's. */
export function sentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}
