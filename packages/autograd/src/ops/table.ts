import type { AnyOperation } from "../operation.js";
import { affineOperation } from "./affine.js";
import { attentionOperation } from "./attention.js";
import { addOperation, divideOperation, multiplyOperation, subtractOperation } from "./binary.js";
import { checkpointOperation } from "./checkpoint.js";
import { concatenateOperation } from "./concatenate.js";
import { crossEntropyOperation, softCrossEntropyOperation } from "./crossEntropy.js";
import { l2NormalizeOperation } from "./l2Normalize.js";
import { layerNormOperation } from "./layerNorm.js";
import { linearOperation } from "./linear.js";
import { linearCrossEntropyOperation } from "./linearCrossEntropy.js";
import { matmulOperation } from "./matmul.js";
import type { OperationName } from "./names.js";
import { permuteOperation } from "./permute.js";
import { sumOperation } from "./reductions.js";
import { reshapeOperation } from "./reshape.js";
import { scaleColumnsOperation, scaleRowsOperation } from "./scale.js";
import { sliceOperation } from "./slice.js";
import { logSoftmaxOperation, softmaxOperation } from "./softmax.js";
import { gatherTokensOperation, scatterTokensOperation } from "./tokens.js";
import {
  absoluteOperation,
  erfOperation,
  expOperation,
  geluOperation,
  logOperation,
  negateOperation,
  reciprocalOperation,
  reluOperation,
  rsqrtOperation,
  sigmoidOperation,
  sqrtOperation,
  squareOperation,
  tanhOperation,
} from "./unary.js";

/** Every differentiable operation with its forward function and its gradient rule. A name without its operation, or under another's name, does not compile. */
export const operationTable: { readonly [Name in OperationName]: AnyOperation<Name> } = {
  add: addOperation,
  subtract: subtractOperation,
  multiply: multiplyOperation,
  divide: divideOperation,
  negate: negateOperation,
  exp: expOperation,
  log: logOperation,
  sqrt: sqrtOperation,
  rsqrt: rsqrtOperation,
  square: squareOperation,
  reciprocal: reciprocalOperation,
  absolute: absoluteOperation,
  tanh: tanhOperation,
  sigmoid: sigmoidOperation,
  relu: reluOperation,
  gelu: geluOperation,
  erf: erfOperation,
  affine: affineOperation,
  sum: sumOperation,
  matmul: matmulOperation,
  linear: linearOperation,
  layerNorm: layerNormOperation,
  softmax: softmaxOperation,
  logSoftmax: logSoftmaxOperation,
  attention: attentionOperation,
  checkpoint: checkpointOperation,
  reshape: reshapeOperation,
  permute: permuteOperation,
  slice: sliceOperation,
  concatenate: concatenateOperation,
  gatherTokens: gatherTokensOperation,
  scatterTokens: scatterTokensOperation,
  scaleRows: scaleRowsOperation,
  scaleColumns: scaleColumnsOperation,
  l2Normalize: l2NormalizeOperation,
  crossEntropy: crossEntropyOperation,
  softCrossEntropy: softCrossEntropyOperation,
  linearCrossEntropy: linearCrossEntropyOperation,
};
