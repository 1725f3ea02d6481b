import { setImmediate } from "node:timers/promises";
import { bytesOfName } from "../fileNames.js";
import { Bytes, Column, Numbering } from "./growing.js";
import type { OpenFiles } from "./openFiles.js";
import { isPictureName } from "./pictureFormats.js";
import { lastOf, stemOf } from "./sampleEndings.js";
import type { ShardIndex } from "./shardIndex.js";
import { passesHiddenOrSystem } from "./systemNames.js";
import { readTarMembers, type TarMember } from "./tarMembers.js";
import { decodeText } from "./textFile.js";
import { isLabel, parseLabel, type WebDatasetLabels, wantedLabels } from "./webDatasetLabels.js";

/** What of a shard is indexed. */
export interface ShardSettings {
  /**
   * An ending, lower case and without the first dot, that pictures have besides those that end as pictures do; null:
   * none.
   */
  readonly picture: string | null;
  /**
   * Where labels are: an ending such as `"cls"` or `"output.cls"`, or a field of the JSON files; null: nowhere; "any":
   * the first of `cls`, `json`, `txt` that holds one.
   */
  readonly labels: string | null;
}

/** Labels are short; what is longer is something else. */
const mostLabelBytes = 1 << 20;
/** More names than classes anywhere: then the texts are captions. */
const mostLabelNames = 1 << 16;
/** More endings than any archive has formats. */
const mostOthers = 1000;
const samplesAPause = 2000;

/**
 * A file of a sample: its name up to the first dot is the sample's, then comes the ending, of which the stem is all but
 * the last part.
 */
interface SampleFile {
  readonly member: TarMember;
  readonly ending: string;
  readonly stem: string;
}

interface Sample {
  readonly key: string;
  readonly pictures: SampleFile[];
  /** By stem and kind, see `labelKey`. */
  readonly labels: Map<string, number | string>;
  /** The first `.cls` of each stem of words, for `commonLabel`. */
  readonly classStems: string[];
}

const labelKey = (stem: string, kind: WebDatasetLabels) => `${stem}.${kind}`;

/**
 * Endings as webdataset's writers choose them, `jpg` or `seg.png`: words. What else stands behind a first dot is a part
 * of a name, as in `Screenshot at 10.11.12.png`.
 */
const wordsWithDots = /^\p{L}[\p{L}\d_-]*(\.\p{L}[\p{L}\d_-]*)*$/u;

/** What an ending of words or a last part of another one is called in `fields`; see `ShardIndex`. */
function fieldOf({ ending, stem }: SampleFile, endings: Numbering): number {
  if (wordsWithDots.test(ending)) return 2 * endings.numberOf(ending);
  return 2 * endings.numberOf(ending.slice(stem.length + 1)) + 1;
}

/**
 * Reads the headers of a shard. Files that lie one behind another and whose paths agree up to the first dot of the
 * file's name are one sample. Every file that ends as a picture does is in the index, also where a sample has several;
 * `chooseRows` takes those that are wanted.
 *
 * @throws Error (rejects) If the archive is damaged.
 */
export async function indexShard(
  files: OpenFiles,
  path: string,
  size: number,
  settings: ShardSettings,
  signal?: AbortSignal,
): Promise<ShardIndex> {
  const blocks = new Column(Uint32Array);
  const sizes = new Column(Uint32Array);
  const labels = new Column(Int32Array);
  const samples = new Column(Uint32Array);
  const fields = new Column(Uint32Array);
  const nameEnds = new Column(Uint32Array);
  const names = new Bytes();
  const labelNames = new Numbering();
  const endings = new Numbering();
  const others = new Map<string, [name: string, count: number]>();
  const hidden: [count: number, name: string] = [0, ""];
  const wanted = wantedLabels(settings.labels);
  let sample: Sample | null = null;
  let sampleNumber = 0;
  let visited = 0;

  const labelNumber = (value: number | string | null): number => {
    if (value === null) return -1;
    if (typeof value === "number") return value;
    const number = labelNames.numberOf(value);
    if (labelNames.size > mostLabelNames) {
      throw new Error(
        `webDataset: ${path} holds more than ${mostLabelNames} different class names, ` +
          `e.g. ${JSON.stringify(value)}. If they are captions, set labels: null.`,
      );
    }
    return -2 - number;
  };
  const flush = (): void => {
    const common = sample === null ? null : commonLabel(sample);
    for (const picture of sample?.pictures ?? []) {
      const { position, size: bytes, name } = picture.member;
      blocks.push(position / 512);
      sizes.push(bytes);
      labels.push(labelNumber(labelOf(picture, sample!) ?? common));
      samples.push(sampleNumber);
      fields.push(fieldOf(picture, endings));
      names.write(bytesOfName(name));
      nameEnds.push(names.length);
    }
    sampleNumber++;
    sample = null;
  };

  await readTarMembers(files, path, size, async (member, content) => {
    if (++visited % samplesAPause === 0) {
      signal?.throwIfAborted();
      await setImmediate();
    }
    const slash = member.name.lastIndexOf("/");
    const dot = member.name.indexOf(".", slash + 1);
    if (passesHiddenOrSystem(member.name)) {
      if (isPictureName(member.name) && hidden[0]++ === 0) hidden[1] = member.name;
      return;
    }
    if (dot < 0) return; // without an ending
    const key = member.name.slice(0, dot);
    const ending = member.name.slice(dot + 1).toLowerCase();
    const stem = stemOf(ending);
    if (sample?.key !== key) {
      flush();
      sample = { key, pictures: [], labels: new Map(), classStems: [] };
    }
    const last = lastOf(ending);
    if (isPictureName(member.name) || ending === settings.picture) {
      if (member.size >= 2 ** 32) {
        throw new Error(
          `webDataset: ${member.name} of ${path} has ${member.size} bytes; expected less than 4 GiB.`,
        );
      }
      sample.pictures.push({ member, ending, stem });
    } else if (isLabel(last)) {
      const isWanted = wanted.field !== null ? last === "json" : wanted.isEnding(ending, last);
      if (!isWanted || member.size > mostLabelBytes) return;
      const value = parseLabel(last, decodeText(await content()), wanted);
      if (value === null) return;
      // A label that was asked for by its whole ending is that of the sample, whatever its pictures are called.
      const of = settings.labels === ending ? "" : stem;
      sample.labels.set(labelKey(of, last), value);
      if (last === "cls" && wordsWithDots.test(of)) sample.classStems.push(of);
    } else {
      const seen = others.get(last);
      if (seen !== undefined) seen[1]++;
      else if (others.size < mostOthers) others.set(last, [member.name, 1]);
    }
  });
  flush();
  return {
    blocks: blocks.take(),
    sizes: sizes.take(),
    labels: labels.take(),
    samples: samples.take(),
    fields: fields.take(),
    nameEnds: nameEnds.take(),
    names: names.take(),
    facts: {
      labelNames: labelNames.texts(),
      endings: endings.texts(),
      others: [...others.values()],
      hidden,
    },
  };
}

/** In the order in which they are looked for. */
const labelKinds = ["cls", "json", "txt"] as const;

/**
 * The label of a picture: in a file whose name differs in its last ending only, or in that of the sample as a whole.
 */
function labelOf({ stem }: SampleFile, { labels }: Sample): number | string | null {
  for (const wanted of new Set([stem, ""])) {
    const kind = labelKinds.find((each) => labels.has(labelKey(wanted, each)));
    if (kind !== undefined) return labels.get(labelKey(wanted, kind))!;
  }
  return null;
}

/**
 * The label of all pictures of a sample that have none of their own: in a `.cls` that goes with no picture, as in
 * `0001.input.jpg`, `0001.output.cls`.
 */
function commonLabel({ pictures, labels, classStems }: Sample): number | string | null {
  if (classStems.length === 0) return null;
  const stems = new Set(pictures.map(({ stem }) => stem));
  const stem = classStems.find((each) => !stems.has(each));
  return stem === undefined ? null : labels.get(labelKey(stem, "cls"))!;
}
