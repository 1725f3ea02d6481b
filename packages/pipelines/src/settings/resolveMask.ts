import type { Decisions } from "@splitmask/methods/settings";
import type { Config } from "./config.js";
import type { PictureFacts } from "./facts.js";
import { formatCount } from "./quantities.js";

/** With fewer pictures each is seen more than fifty times in the usual run: a small set in the paper's sense. */
const smallSet = 5_000;

/** Whether masks and colours are those that the paper has for its smallest sets. */
export function isSmallSet({ count }: PictureFacts): boolean {
  return count < smallSet;
}

/** How patches are split, where it is not given. */
export function maskFor(given: Config, pictures: PictureFacts, patches: number): "block" | "uniform" {
  return given.mask ?? (isSmallSet(pictures) || patches % 2 !== 0 ? "uniform" : "block");
}

/** Notes how patches are split, and why. */
export function noteMask(given: Config, pictures: PictureFacts, patches: number, decisions: Decisions): void {
  const mask = maskFor(given, pictures, patches);
  const reason = isSmallSet(pictures)
    ? `only ${formatCount(pictures.count)} pictures: two random quarters that each predict the rest, as the paper does for its smallest sets`
    : mask === "block"
      ? "the paper's default: blocks, half of the patches to each branch"
      : `${patches} patches have no halves, as blocks need them: two random quarters that each predict the rest`;
  decisions.note("mask", mask, given.mask === undefined ? reason : "given");
}
