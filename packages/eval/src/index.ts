/**
 * What a pre-trained encoder is worth: embeddings, k-NN, linear probe, neighbours.
 *
 * @packageDocumentation
 */
export type { Classification } from "./confusion.js";
export {
  type EmbedDatasetOptions,
  type EmbeddedDataset,
  type EmbedOptions,
  embedBatches,
  embedDataset,
  type ImageEncoder,
} from "./embedDataset.js";
export {
  type ClassifierEvaluation,
  type EvaluateClassifierOptions,
  evaluateClassifier,
  type ImageClassifier,
} from "./evaluateClassifier.js";
export { type FeatureFiles, type FeatureSources, npyBytes, writeFeatures } from "./featureFile.js";
export { type KnnOptions, knnAccuracy } from "./knnAccuracy.js";
export type { LabelledFeatures } from "./labelledFeatures.js";
export {
  type LinearProbeOptions,
  type LinearProbeResult,
  linearProbe,
  type TriedPenalty,
} from "./linearProbe.js";
export {
  fitLogisticRegression,
  type LogisticRegression,
  type LogisticRegressionOptions,
} from "./logisticRegression.js";
export { type NearestNeighbours, nearestNeighbours } from "./nearestNeighbours.js";
export {
  type PrincipalComponents,
  type PrincipalComponentsOptions,
  principalComponents,
} from "./principalComponents.js";
