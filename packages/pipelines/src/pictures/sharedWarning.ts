import { type ImageDataset, sharedPictures } from "@splitmask/data";
import { printable } from "../terminal/printable.js";
import type { Terminal } from "../terminal/terminal.js";

/** Looks for test pictures, which an option gave, that are training pictures too, and warns of them. */
export async function warnOfShared(
  option: string,
  train: ImageDataset,
  test: ImageDataset,
  terminal: Terminal,
): Promise<readonly string[]> {
  const shared = await sharedPictures(train, test);
  if (shared.example === null) return [];
  const all = shared.test === test.length && shared.train === train.length;
  const number = (count: number) => count.toLocaleString("en");
  const looked = all
    ? ""
    : ` (${number(shared.test)} of ${number(test.length)} test and ${number(shared.train)} of ` +
      `${number(train.length)} training pictures were looked at)`;
  const { example } = shared;
  const same =
    example.test === example.train ? example.test : `${example.test} has the bytes of ${example.train}`;
  const text = printable(
    `${option}: ${number(shared.count)} of ${number(shared.test)} test pictures are training pictures ` +
      `too${looked}, e.g. ${same}: ` +
      "the accuracy on them says nothing of new pictures. Give others, or another split",
  );
  terminal.warn(text);
  return [text];
}
