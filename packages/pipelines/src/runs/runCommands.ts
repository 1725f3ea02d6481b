/** What a run is: it learns from pictures alone, or classes from labels. */
export type RunKindName = "pretraining" | "classification";

/** The command of each kind of run. */
export const commandOf: Readonly<Record<RunKindName, string>> = {
  pretraining: "pretrain",
  classification: "finetune",
};
