/**
 * What a pre-trained encoder is worth: embeddings, k-NN, linear probes, neighbors, and how sure that is.
 *
 * @packageDocumentation
 */
export {
  type Classification,
  type ConfusedPair,
  classification,
  mostConfused,
  type RankedClasses,
  summarizeConfusion,
} from "./classification.js";
export type { FeatureClassifier } from "./classifier.js";
export {
  type ClassifiedDataset,
  type ClassifyDatasetOptions,
  classifyDataset,
  type ImageClassifier,
} from "./classifyDataset.js";
export {
  type AccuracyInterval,
  type RepeatedAccuracy,
  studentQuantile,
  summarizeAccuracies,
  wilsonInterval,
} from "./confidence.js";
export {
  type EmbedDatasetOptions,
  type EmbeddedDataset,
  type EmbedLayersOptions,
  type EmbedOptions,
  embedBatches,
  embedDataset,
  embedLayers,
  type ImageEncoder,
  type LayerEncoder,
} from "./embedDataset.js";
export {
  type ClassifierEvaluation,
  type EvaluateClassifierOptions,
  evaluateClassifier,
} from "./evaluateClassifier.js";
export { type FeatureFiles, type FeatureSources, npyBytes, writeFeatures } from "./featureFile.js";
export type { FittedProbe, ProbeOptions, TriedSetting } from "./fitProbe.js";
export { type HeldOut, heldOutFifths } from "./folds.js";
export { KnnClassifier, type KnnClassifierOptions, type KnnOptions, knnAccuracy } from "./knn.js";
export { type LabelledFeatures, selectRows } from "./labelledFeatures.js";
export { LinearClassifier, type LinearLayer } from "./linearClassifier.js";
export { type LinearHeadsOptions, trainLinearHeads } from "./linearHeads.js";
export {
  type FitLinearProbeOptions,
  fitLinearProbe,
  type LinearProbeOptions,
  type LinearProbeResult,
  linearProbe,
} from "./linearProbe.js";
export {
  type FitLinearProbeSweepOptions,
  fitLinearProbeSweep,
  type LinearProbeSweepOptions,
  type LinearProbeSweepResult,
  linearProbeSweep,
  type SweptRate,
} from "./linearProbeSweep.js";
export {
  fitLogisticRegression,
  type LogisticRegression,
  type LogisticRegressionOptions,
} from "./logisticRegression.js";
export { type NearestNeighbors, nearestNeighbors } from "./nearestNeighbors.js";
export { type PairedDifference, pairedDifference } from "./pairedDifference.js";
export {
  type PrincipalComponents,
  type PrincipalComponentsOptions,
  principalComponents,
} from "./principalComponents.js";
export type { Standardization } from "./standardization.js";
