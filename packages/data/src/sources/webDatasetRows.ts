import { shownName } from "../fileNames.js";
import type { DatasetNote } from "../imageDataset.js";
import { hiddenNote } from "./folderScan.js";
import { LeftAlone } from "./pictureFormats.js";
import type { ShardIndex } from "./shardIndex.js";

/** Which pictures of shards make the data set. */
export interface ChosenRows {
  /** Rows of each index, rising. */
  readonly rows: readonly Uint32Array[];
  /** What was left out. */
  readonly notes: readonly DatasetNote[];
  /** What pictures are called behind their sample's name, the most common first, for messages: `jpg (20), seg.png (18)`. */
  readonly endings: string;
}

/** The endings of all shards, in the order in which they are met. */
class Endings {
  readonly texts: string[] = [];
  /** Samples that have a file of each ending. */
  readonly samples: number[] = [];
  readonly #numbers = new Map<string, number>();

  numberOf(text: string): number {
    const number = this.#numbers.get(text) ?? this.texts.length;
    if (number === this.texts.length) {
      this.#numbers.set(text, number);
      this.texts.push(text);
      this.samples.push(0);
    }
    return number;
  }
}

/** Calls `visit` with the rows from `start` to before `end` of each sample. */
function eachSample({ samples }: ShardIndex, visit: (start: number, end: number) => void): void {
  for (let start = 0; start < samples.length; ) {
    let end = start + 1;
    while (end < samples.length && samples[end] === samples[start]) end++;
    visit(start, end);
    start = end;
  }
}

const stemOf = (ending: string) => ending.slice(0, Math.max(0, ending.lastIndexOf(".")));
const lastOf = (ending: string) => ending.slice(ending.lastIndexOf(".") + 1);

/**
 * Takes one picture of each sample. `0001.jpg` and `0001.seg.png`, or `0001.input.jpg` and `0001.target.jpg`, are pictures of one sample: an ending of several parts is a kind of picture
 * where two samples have it, or the sample has a plain one too. Else it is a part of the picture's name, as in `St.Mary.jpg` or `Screenshot at 10.11.12.png`, which are samples of their own.
 *
 * @param picture Which picture of a sample: its ending (`"jpg"`, `"input.jpg"`) or that without its last part (`"input"`); null: the first with a plain ending, else the ending that comes
 * first in the shards.
 */
export function chooseRows(indexes: readonly ShardIndex[], picture: string | null): ChosenRows {
  const endings = new Endings();
  const numbers = indexes.map(({ facts }) =>
    Uint32Array.from(facts.endings, (ending) => endings.numberOf(ending)),
  );
  const endingOf = (shard: number, row: number) => numbers[shard]![indexes[shard]!.fields[row]! >> 1]!;
  const isWords = (shard: number, row: number) => indexes[shard]!.fields[row]! % 2 === 0;
  for (const [shard, index] of indexes.entries()) {
    eachSample(index, (start, end) => {
      const seen = new Set<number>();
      for (let row = start; row < end; row++) if (isWords(shard, row)) seen.add(endingOf(shard, row));
      for (const ending of seen) endings.samples[ending]!++;
    });
  }
  const isPlain = endings.texts.map((text) => !text.includes("."));
  const isWanted = endings.texts.map((text) => text === picture || stemOf(text) === picture);
  const isWantedAlone = endings.texts.map((text) => text === picture || lastOf(text) === picture);

  const taken = new Map<string, number>();
  const leftOut = new Map<string, number>();
  let samplesWithSeveral = 0;
  const count = (counts: Map<string, number>, ending: number) => {
    const text = endings.texts[ending]!;
    counts.set(text, (counts.get(text) ?? 0) + 1);
  };
  const rows = indexes.map((index, shard) => {
    const chosen: number[] = [];
    eachSample(index, (start, end) => {
      const all = Array.from({ length: end - start }, (_, place) => start + place);
      const hasPlain = all.some((row) => isWords(shard, row) && isPlain[endingOf(shard, row)]);
      const isOfSample = (row: number) => {
        const ending = endingOf(shard, row);
        return isWords(shard, row) && (isPlain[ending] || hasPlain || endings.samples[ending]! > 1);
      };
      const kinds = all.filter(isOfSample);
      const wanted = kinds.filter((row) => {
        if (picture !== null) return isWanted[endingOf(shard, row)];
        return !hasPlain || isPlain[endingOf(shard, row)];
      });
      // Rows of plain endings keep their order; of others the ending decides, so that it is the same in all samples.
      const first = hasPlain
        ? wanted[0]
        : wanted.reduce<number | undefined>(
            (best, row) => (best === undefined || endingOf(shard, row) < endingOf(shard, best) ? row : best),
            undefined,
          );
      for (const row of all) {
        const ending = endingOf(shard, row);
        const isKind = isOfSample(row);
        if (isKind ? row === first : picture === null || isWantedAlone[ending]) {
          chosen.push(row);
          count(taken, ending);
        } else count(leftOut, ending);
      }
      if (kinds.length > 1) samplesWithSeveral++;
    });
    return Uint32Array.from(chosen);
  });
  return {
    rows,
    notes: [...choiceNotes(picture, samplesWithSeveral, taken, leftOut), ...leftOutNotes(indexes)],
    endings: byCount(new Map([...leftOut, ...taken])),
  };
}

/** The most that are listed. */
const mostListed = 8;

function byCount(counts: ReadonlyMap<string, number>): string {
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  const shown = sorted.slice(0, mostListed).map(([ending, count]) => `${shownName(ending)} (${count})`);
  return [...shown, ...(sorted.length > mostListed ? ["…"] : [])].join(", ");
}

function choiceNotes(
  picture: string | null,
  samplesWithSeveral: number,
  taken: ReadonlyMap<string, number>,
  leftOut: ReadonlyMap<string, number>,
): DatasetNote[] {
  if (leftOut.size === 0) return [];
  const several =
    samplesWithSeveral === 0
      ? ""
      : `${samplesWithSeveral} ${samplesWithSeveral === 1 ? "sample holds" : "samples hold"} several pictures; `;
  return [
    {
      level: picture === null ? "warning" : "info",
      text: `${several}taken are ${byCount(taken)}, left out ${byCount(leftOut)}. Choose by such an ending with imageColumn (--image-column).`,
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
