/** What a run is: it learns from pictures alone, or classes from labels, or it trains a tokenizer. */
export type RunKindName = "pretraining" | "classification" | "tokenizer";

/** The command of each kind of run. */
export const commandOf: Readonly<Record<RunKindName, string>> = {
  pretraining: "pretrain",
  classification: "finetune",
  tokenizer: "tokenizer fit",
};
