import type { TokenView } from "../data.js";
import { percent } from "../figures/format.js";
import { html } from "../html/html.js";
import { concentrationSvg } from "./chart.js";
import type { Section } from "./section.js";

/**
 * How the tokenizer uses its vocabulary.
 *
 * @param tokens What is known of its words.
 */
export function wordsSection({ vocabulary, patches, entropy, dead, cumulative }: TokenView): Section {
  const most = Math.log2(vocabulary).toFixed(2);
  const even = Math.round(2 ** entropy).toLocaleString("en");
  return {
    id: "words",
    heading: "Visual words",
    short: "Words",
    lead:
      "How the tokenizer uses its vocabulary on these pictures. With few words in use the task is easy and the " +
      "encoder learns little; unused words only cost time.",
    body: html`<div class="card two"><div>${concentrationSvg(cumulative)}</div><dl class="list">
<dt>Vocabulary</dt><dd>${vocabulary.toLocaleString("en")} words</dd>
<dt>Patches counted</dt><dd>${patches.toLocaleString("en")}</dd>
<dt>Entropy</dt><dd>${entropy.toFixed(2)} of at most ${most} bits: as much as ${even} equally frequent words</dd>
<dt>Unused words</dt><dd>${dead.toLocaleString("en")} (${percent(dead / vocabulary)}) occur in no patch</dd>
<dt>Curve</dt><dd>the share of all patches (vertical, %) that the most frequent words (horizontal, %) account for;
the straight line would be equal use</dd>
</dl></div>`,
  };
}
