/** A chart that several figures share. */
export interface SharedChart {
  /** Its heading. */
  readonly title: string;
  /** How to read it. */
  readonly caption: string;
  /** The name of the figure's line. */
  readonly line: string;
}

/** What people are told of a figure that a method measures: a part of its loss, or of its health. */
export interface FigureNote {
  /** The heading of its chart. */
  readonly title: string;
  /** One sentence that says how to read it. */
  readonly caption: string;
  /** The chart that it shares with others that name the same, and what its line is called there; left out: its own. */
  readonly shared?: SharedChart;
}

/** Notes by the names of parts and health figures; charts of other figures are called by their names. */
export type FigureNotes = Readonly<Record<string, FigureNote>>;

/** Of the figures of `descriptorSpread`. */
export const spreadFigures: FigureNotes = {
  descriptorVariance: {
    title: "Variance of the descriptors",
    caption:
      "At unit length: near 0 if all pictures get the same descriptor, near 1 if they point everywhere.",
  },
  effectiveRank: {
    title: "Effective rank",
    caption: "In how many directions the descriptors of a batch vary.",
  },
};

const entropies = {
  title: "Entropy of the visual words",
  caption: "In bits, of the predicted words and of the target words.",
};

/** Of the entropies of predicted and of target words. */
export const wordFigures: FigureNotes = {
  tokenEntropy: {
    title: "Entropy of the predicted words",
    caption: "In bits: how many words are predicted.",
    shared: { ...entropies, line: "predicted" },
  },
  targetEntropy: {
    title: "Entropy of the target words",
    caption: "In bits: how many words there are to predict.",
    shared: { ...entropies, line: "target" },
  },
  tokenEntropyShare: {
    title: "Variety of the predicted words",
    caption: "Entropy of the predicted words divided by that of the target words; 1 if equally varied.",
  },
};
