import type { DatasetNote } from "../imageDataset.js";
import { shownName } from "../shownName.js";
import { hiddenNote } from "./folderScan.js";
import { Numbering } from "./growing.js";
import { LeftAlone } from "./pictureFormats.js";
import { lastOf, stemOf } from "./sampleEndings.js";
import type { ShardIndex } from "./shardIndex.js";

/** Which pictures of shards make the data set. */
export interface ChosenRows {
  /** Rows of each index, rising. */
  readonly rows: readonly Uint32Array[];
  /** What was left out. */
  readonly notes: readonly DatasetNote[];
  /**
   * What pictures are called behind their sample's name, the most common first, for messages: `jpg (20), seg.png (18)`.
   */
  readonly endings: string;
}

/** Endings that a message shows. */
const mostListed = 8;

/** Calls `visit` with the rows from `start` to before `end` of each sample. */
function eachSample({ samples }: ShardIndex, visit: (start: number, end: number) => void): void {
  for (let start = 0; start < samples.length; ) {
    let end = start + 1;
    while (end < samples.length && samples[end] === samples[start]) end++;
    visit(start, end);
    start = end;
  }
}

/** The endings of the pictures of all shards, and how often they come. */
class Endings {
  /** In the order in which they are met. */
  readonly texts: readonly string[];
  /** Samples that have a picture with each ending. */
  readonly samples: Uint32Array;
  /** Pictures that were taken, by ending. */
  readonly taken: Uint32Array;
  /** Pictures that were left out, by ending. */
  readonly leftOut: Uint32Array;
  readonly #indexes: readonly ShardIndex[];
  /** What each shard's own number of an ending is here. */
  readonly #numbers: readonly Uint32Array[];

  constructor(indexes: readonly ShardIndex[]) {
    const numbering = new Numbering();
    this.#indexes = indexes;
    this.#numbers = indexes.map(({ facts }) =>
      Uint32Array.from(facts.endings, (text) => numbering.numberOf(text)),
    );
    this.texts = numbering.texts();
    this.samples = new Uint32Array(numbering.size);
    this.taken = new Uint32Array(numbering.size);
    this.leftOut = new Uint32Array(numbering.size);
    for (const [shard, index] of indexes.entries()) {
      eachSample(index, (start, end) => {
        for (let row = start; row < end; row++) {
          const ending = this.of(shard, row);
          // An ending that comes twice in a sample counts once.
          const isRepeated = row > start && this.of(shard, row - 1) === ending;
          if (this.isWords(shard, row) && !isRepeated) this.samples[ending]!++;
        }
      });
    }
  }

  /** The ending of a picture, or the last part of one that is not words. */
  of(shard: number, row: number): number {
    return this.#numbers[shard]![this.#indexes[shard]!.fields[row]! >> 1]!;
  }

  isWords(shard: number, row: number): boolean {
    return this.#indexes[shard]!.fields[row]! % 2 === 0;
  }

  /** How many pictures of each ending there are, the most common first: `jpg (20), seg.png (18)`. */
  listed(...counts: readonly Uint32Array[]): string {
    const sums = this.texts.map((text, ending) => {
      return [text, counts.reduce((sum, each) => sum + each[ending]!, 0)] as const;
    });
    const sorted = sums.filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a);
    const shown = sorted.slice(0, mostListed).map(([text, count]) => `${shownName(text)} (${count})`);
    return [...shown, ...(sorted.length > mostListed ? ["…"] : [])].join(", ");
  }
}

/**
 * Takes one picture of each sample. `0001.jpg` and `0001.seg.png`, or `0001.input.jpg` and `0001.target.jpg`, are
 * pictures of one sample: an ending of several parts is a kind of picture where two samples have it, or the sample has
 * a plain one too. Else it is a part of the picture's name, as in `St.Mary.jpg` or `Screenshot at 10.11.12.png`, which
 * are samples of their own.
 *
 * @param picture Which picture of a sample: its ending (`"jpg"`, `"input.jpg"`) or that without its last part
 * (`"input"`); null: the first with a plain ending, else the ending that comes first in the shards.
 */
export function chooseRows(indexes: readonly ShardIndex[], picture: string | null): ChosenRows {
  const endings = new Endings(indexes);
  const isPlain = endings.texts.map((text) => !text.includes("."));
  const isWanted = endings.texts.map(
    (text) => picture === null || text === picture || stemOf(text) === picture,
  );
  const isWantedAlone = endings.texts.map(
    (text) => picture === null || text === picture || lastOf(text) === picture,
  );
  let samplesWithSeveral = 0;
  const rows = indexes.map((index, shard) => {
    const chosen = new Uint32Array(index.fields.length);
    let length = 0;
    eachSample(index, (start, end) => {
      let hasPlain = false;
      for (let row = start; row < end; row++) {
        hasPlain ||= endings.isWords(shard, row) && isPlain[endings.of(shard, row)]!;
      }
      const isKind = (row: number) => {
        const ending = endings.of(shard, row);
        return endings.isWords(shard, row) && (hasPlain || isPlain[ending]! || endings.samples[ending]! > 1);
      };
      // Plain endings come first, in the order of the files; of others the number decides, so that the choice is the
      // same in all samples.
      let best = -1;
      let kinds = 0;
      for (let row = start; row < end; row++) {
        if (!isKind(row)) continue;
        kinds++;
        const ending = endings.of(shard, row);
        if (!isWanted[ending] || (picture === null && hasPlain && !isPlain[ending])) continue;
        if (best < 0 || (!hasPlain && ending < endings.of(shard, best))) best = row;
      }
      if (kinds > 1) samplesWithSeveral++;
      for (let row = start; row < end; row++) {
        const ending = endings.of(shard, row);
        const isTaken = isKind(row) ? row === best : isWantedAlone[ending]!;
        if (isTaken) chosen[length++] = row;
        (isTaken ? endings.taken : endings.leftOut)[ending]!++;
      }
    });
    return chosen.slice(0, length);
  });
  return {
    rows,
    notes: [...choiceNotes(picture, samplesWithSeveral, endings), ...leftOutNotes(indexes)],
    endings: endings.listed(endings.taken, endings.leftOut),
  };
}

function choiceNotes(picture: string | null, samplesWithSeveral: number, endings: Endings): DatasetNote[] {
  if (endings.leftOut.every((count) => count === 0)) return [];
  const several =
    samplesWithSeveral === 0
      ? ""
      : `${samplesWithSeveral} ${samplesWithSeveral === 1 ? "sample holds" : "samples hold"} several pictures; `;
  return [
    {
      level: picture === null ? "warning" : "info",
      text:
        `${several}taken are ${endings.listed(endings.taken)}, left out ${endings.listed(endings.leftOut)}. ` +
        "Choose by such an ending with imageColumn (--image-column).",
    },
  ];
}

function leftOutNotes(indexes: readonly ShardIndex[]): DatasetNote[] {
  const leftAlone = new LeftAlone();
  let hidden = 0;
  let example = "";
  for (const { facts } of indexes) {
    for (const [name, count] of facts.others) leftAlone.add(name, count);
    if (hidden === 0) example = facts.hidden[1];
    hidden += facts.hidden[0];
  }
  const notes = leftAlone.notes();
  if (hidden > 0) notes.push(hiddenNote(hidden, example));
  return notes;
}
