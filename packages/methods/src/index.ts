export { BatchNormMlp, type BatchNormMlpOptions, type MlpOutput } from "./batchNormMlp.js";
export {
  Beit,
  type BeitConfig,
  type BeitMaskOptions,
  type BeitSettings,
  beitFields,
  beitMethod,
  type MaskSampler,
  type PatchMasks,
  type ResolvedBeitConfig,
  type ResolvedBeitMaskOptions,
  resolveBeitConfig,
  resolveBeitMaskOptions,
  sampleBlockMasks,
} from "./beit.js";
export { type BeitHeadOptions, BeitModel } from "./beitModel.js";
export type { BlockOptions, DrawRequest } from "./blockMask.js";
export { Classifier, type ClassifierConfig, type LabelledBatch } from "./classifier.js";
export { classifierFields } from "./classifierFields.js";
export { type ClassifierSettings, classifierMethod, type DecidedClassifier } from "./classifierMethod.js";
export { type ClassifierHeadOptions, ClassifierModel } from "./classifierModel.js";
export { componentLooks } from "./componentLooks.js";
export {
  type ResolvedSplitMaskConfig,
  resolveSplitMaskConfig,
  type SplitMaskConfig,
  type SplitMaskDecoderOptions,
  type SplitMaskProjectionOptions,
} from "./config.js";
export { DescriptorProjection } from "./descriptorProjection.js";
export { type DescriptorSpread, descriptorSpread } from "./descriptorSpread.js";
export {
  Dino,
  type DinoConfig,
  type DinoSettings,
  dinoFields,
  dinoMethod,
  type ResolvedDinoConfig,
  resolveDinoConfig,
} from "./dino.js";
export { DinoHead, type DinoHeadOptions, DinoModel, DinoNetwork, type TeacherOutput } from "./dinoModel.js";
export {
  DiscreteVae,
  type DiscreteVaeConfig,
  DiscreteVaeModel,
  type DiscreteVaeReconstruction,
  type GumbelNoiseRequest,
  type GumbelNoiseSampler,
  type ResolvedDiscreteVaeConfig,
  resolveDiscreteVaeConfig,
  sampleGumbelNoise,
} from "./discreteVae.js";
export {
  type DiscreteVaeRecipe,
  type DiscreteVaeSettings,
  discreteVaeMethod,
  type TokenizerMethod,
} from "./discreteVaeMethod.js";
export {
  Distillation,
  type DistillationConfig,
  type DistillationSettings,
  distillationFields,
  distillationMethod,
} from "./distillation.js";

export { DistillationModel } from "./distillationModel.js";
export { drawnPictures, encoderConfig, encoderView } from "./encoderSettings.js";
export {
  type FigureNote,
  type FigureNotes,
  type SharedChart,
  spreadFigures,
  wordFigures,
} from "./figureNotes.js";
export { type FineTuningRecipe, type FineTuningRecipeName, fineTuningRecipes } from "./fineTuningRecipes.js";
export type { BranchPrediction } from "./hiddenWords.js";
export {
  LeJepa,
  type LeJepaConfig,
  LeJepaModel,
  type LeJepaSettings,
  leJepaFields,
  leJepaMethod,
  type ResolvedLeJepaConfig,
  resolveLeJepaConfig,
  type SliceRequest,
  type SliceSampler,
  sampleSlices,
} from "./leJepa.js";
export type { LookPanel, LookRequest, LookShare, Looks, TokenizedPictures } from "./looks.js";
export {
  type MaeSettings,
  MaskedAutoencoder,
  type MaskedAutoencoderConfig,
  maeFields,
  maeMethod,
  type Reconstruction,
  type ResolvedMaskedAutoencoderConfig,
  resolveMaskedAutoencoderConfig,
} from "./mae.js";
export { MaskedAutoencoderModel, resolveMaskedAutoencoderDecoder } from "./maeModel.js";
export {
  type CommonSettings,
  defineMethod,
  type EncoderModel,
  type EncoderTask,
  type LabelledFacts,
  type LabelledGiven,
  type LabelledLength,
  type LabelledMethod,
  type Method,
  type MethodFacts,
  type ModelWithEncoder,
  type NamedView,
  type PaperLearningRate,
  type Preparation,
  type PreparationCost,
  type PrepareRequest,
  type PretrainingTask,
  type Recipe,
  type RecipeSettings,
  type Supervision,
} from "./method.js";
export {
  MocoV3,
  type MocoV3Config,
  type MocoV3Settings,
  mocoV3Fields,
  mocoV3Method,
  type ResolvedMocoV3Config,
  resolveMocoV3Config,
} from "./mocoV3.js";
export {
  type MocoV3HeadName,
  type MocoV3HeadOptions,
  MocoV3Model,
  MocoV3Teacher,
} from "./mocoV3Model.js";
export { OnnxTeacher, type Teacher, type TeacherFacts } from "./onnxTeacher.js";
export { type PaintedPatches, paintedPanels } from "./paintedPanels.js";
export * from "./settings/index.js";
export { isSmallSet } from "./smallSets.js";
export { SplitMask } from "./splitMask.js";
export { splitMaskFields } from "./splitMaskFields.js";
export { type SplitMaskSettings, splitMaskMethod } from "./splitMaskMethod.js";
export { SplitMaskModel } from "./splitMaskModel.js";
export {
  type BranchGroup,
  type PatchSplitOptions,
  type ResolvedPatchSplitOptions,
  resolvePatchSplitOptions,
  type SplitSampler,
  type Splits,
  sampleSplits,
} from "./splits.js";
export { Supervised, type SupervisedSettings, supervisedMethod } from "./supervised.js";
export { labelledAugmentation } from "./supervision.js";
export { type SupervisionSettings, supervisionFields } from "./supervisionFields.js";
export { findMethod, labelledMethods, type MethodName, methodNames, methods } from "./table.js";
export { decideTokenizer } from "./tokenizerDecisions.js";
export { tokenizerFields } from "./tokenizerFields.js";
export {
  type TokenizerSettings,
  tokenizerPreparation,
  tokenizerView,
} from "./tokenizerPreparation.js";
export {
  examineTokenizer,
  findTokenizerKind,
  tokenizerFile,
  tokenizerReference,
} from "./tokenizerReference.js";
