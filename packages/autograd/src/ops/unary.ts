import { unaryOperations } from "@splitmask/kernels";
import { checkFloating } from "../checks.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { empty, floatingOf, type Tensor } from "../tensor.js";

type UnaryName =
  | "negate"
  | "exp"
  | "log"
  | "sqrt"
  | "rsqrt"
  | "square"
  | "reciprocal"
  | "absolute"
  | "tanh"
  | "sigmoid"
  | "relu"
  | "gelu"
  | "erf"
  | "sin"
  | "cos"
  | "sign"
  | "floor"
  | "ceil"
  | "round"
  | "trunc"
  | "expm1"
  | "log1p"
  | "softplus"
  | "silu";

/** f(x) of every element, without a graph. */
function runUnary(name: UnaryName, x: Tensor): Tensor {
  const output = empty(x.device, x.shape, x.dtype);
  x.device.run("unary", floatingOf(x), {
    output,
    input: x,
    operation: unaryOperations[name],
    size: x.size,
  });
  return output;
}

/** y = f(x) of any shape; ∂/∂x = g · f′(x), which one kernel computes in place on g. */
function defineUnary(name: UnaryName) {
  return defineOperation({
    name,
    forward: ({ x }: { x: Tensor }, _: null) => ({ output: runUnary(name, x), saved: { x } }),
    gradient: ({ outputGradient, saved, needs, writableGradient }) => {
      if (!needs.x) return { x: null };
      const inputGradient = writableGradient();
      outputGradient.device.run("unaryBackward", floatingOf(outputGradient), {
        inputGradient,
        outputGradient,
        input: saved.x,
        operation: unaryOperations[name],
        size: outputGradient.size,
      });
      return { x: inputGradient };
    },
  });
}

/** f′ = −1. */
export const negateOperation = defineUnary("negate");
/** f′ = eˣ. */
export const expOperation = defineUnary("exp");
/** f′ = 1/x. */
export const logOperation = defineUnary("log");
/** f′ = 1/(2√x). */
export const sqrtOperation = defineUnary("sqrt");
/** f′ = −1/(2x√x). */
export const rsqrtOperation = defineUnary("rsqrt");
/** f′ = 2x. */
export const squareOperation = defineUnary("square");
/** f′ = −1/x². */
export const reciprocalOperation = defineUnary("reciprocal");
/** f′ = sign(x). */
export const absoluteOperation = defineUnary("absolute");
/** f′ = 1 − tanh²x. */
export const tanhOperation = defineUnary("tanh");
/** f′ = σ(x)·(1 − σ(x)). */
export const sigmoidOperation = defineUnary("sigmoid");
/** f′ = 1 where x > 0, else 0. */
export const reluOperation = defineUnary("relu");
/** f′ = Φ(x) + x·φ(x), Φ and φ the normal distribution and its density. */
export const geluOperation = defineUnary("gelu");
/** f′ = 2/√π·e^(−x²). */
export const erfOperation = defineUnary("erf");
/** f′ = cos x. */
export const sinOperation = defineUnary("sin");
/** f′ = −sin x. */
export const cosOperation = defineUnary("cos");
/** f′ = 0. */
export const signOperation = defineUnary("sign");
/** f′ = 0. */
export const floorOperation = defineUnary("floor");
/** f′ = 0. */
export const ceilOperation = defineUnary("ceil");
/** f′ = 0. */
export const roundOperation = defineUnary("round");
/** f′ = 0. */
export const truncOperation = defineUnary("trunc");
/** f′ = eˣ. */
export const expm1Operation = defineUnary("expm1");
/** f′ = 1/(1 + x). */
export const log1pOperation = defineUnary("log1p");
/** f′ = σ(x). */
export const softplusOperation = defineUnary("softplus");
/** f′ = σ(x)·(1 + x·(1 − σ(x))). */
export const siluOperation = defineUnary("silu");

/** −x. */
export function negate(x: Tensor): Tensor {
  checkFloating("negate", { x });
  return perform(negateOperation, { x }, null);
}

/** eˣ. */
export function exp(x: Tensor): Tensor {
  checkFloating("exp", { x });
  return perform(expOperation, { x }, null);
}

/** The natural logarithm: −∞ at 0, NaN below. */
export function log(x: Tensor): Tensor {
  checkFloating("log", { x });
  return perform(logOperation, { x }, null);
}

/** √x; its gradient is infinite at 0. */
export function sqrt(x: Tensor): Tensor {
  checkFloating("sqrt", { x });
  return perform(sqrtOperation, { x }, null);
}

/** 1/√x. */
export function rsqrt(x: Tensor): Tensor {
  checkFloating("rsqrt", { x });
  return perform(rsqrtOperation, { x }, null);
}

/** x². */
export function square(x: Tensor): Tensor {
  checkFloating("square", { x });
  return perform(squareOperation, { x }, null);
}

/** 1/x. */
export function reciprocal(x: Tensor): Tensor {
  checkFloating("reciprocal", { x });
  return perform(reciprocalOperation, { x }, null);
}

/** |x|; its gradient is 0 at 0. */
export function absolute(x: Tensor): Tensor {
  checkFloating("absolute", { x });
  return perform(absoluteOperation, { x }, null);
}

/** The hyperbolic tangent. */
export function tanh(x: Tensor): Tensor {
  checkFloating("tanh", { x });
  return perform(tanhOperation, { x }, null);
}

/** 1/(1 + e⁻ˣ). */
export function sigmoid(x: Tensor): Tensor {
  checkFloating("sigmoid", { x });
  return perform(sigmoidOperation, { x }, null);
}

/** max(x, 0); its gradient is 0 at 0. */
export function relu(x: Tensor): Tensor {
  checkFloating("relu", { x });
  return perform(reluOperation, { x }, null);
}

/**
 * x·Φ(x), Φ the normal distribution function: the exact GELU (Hendrycks and Gimpel 2016), not the tanh approximation.
 */
export function gelu(x: Tensor): Tensor {
  checkFloating("gelu", { x });
  return perform(geluOperation, { x }, null);
}

/** The error function, 2/√π·∫₀ˣ e^(−t²) dt. */
export function erf(x: Tensor): Tensor {
  checkFloating("erf", { x });
  return perform(erfOperation, { x }, null);
}

/** The sine of x in radians. In float32 within 2·2⁻²⁴ for |x| up to 4096, less accurate beyond. */
export function sin(x: Tensor): Tensor {
  checkFloating("sin", { x });
  return perform(sinOperation, { x }, null);
}

/** The cosine of x in radians. In float32 within 2·2⁻²⁴ for |x| up to 4096, less accurate beyond. */
export function cos(x: Tensor): Tensor {
  checkFloating("cos", { x });
  return perform(cosOperation, { x }, null);
}

/** −1, 0 or 1 by the sign of x; 0 for NaN. Its gradient is 0. */
export function sign(x: Tensor): Tensor {
  checkFloating("sign", { x });
  return perform(signOperation, { x }, null);
}

/** The largest integer that is not above x. Its gradient is 0. */
export function floor(x: Tensor): Tensor {
  checkFloating("floor", { x });
  return perform(floorOperation, { x }, null);
}

/** The smallest integer that is not below x. Its gradient is 0. */
export function ceil(x: Tensor): Tensor {
  checkFloating("ceil", { x });
  return perform(ceilOperation, { x }, null);
}

/** The nearest integer, ties to the even one: 0.5 → 0, 1.5 → 2. Its gradient is 0. */
export function round(x: Tensor): Tensor {
  checkFloating("round", { x });
  return perform(roundOperation, { x }, null);
}

/** x without its fraction. Its gradient is 0. */
export function trunc(x: Tensor): Tensor {
  checkFloating("trunc", { x });
  return perform(truncOperation, { x }, null);
}

/** eˣ − 1, exact near 0. */
export function expm1(x: Tensor): Tensor {
  checkFloating("expm1", { x });
  return perform(expm1Operation, { x }, null);
}

/** ln(1 + x), exact near 0; −∞ at −1, NaN below. */
export function log1p(x: Tensor): Tensor {
  checkFloating("log1p", { x });
  return perform(log1pOperation, { x }, null);
}

/** ln(1 + eˣ), a smooth `relu`. */
export function softplus(x: Tensor): Tensor {
  checkFloating("softplus", { x });
  return perform(softplusOperation, { x }, null);
}

/** x·σ(x), σ the `sigmoid` (Elfwing et al. 2017); also called swish. */
export function silu(x: Tensor): Tensor {
  checkFloating("silu", { x });
  return perform(siluOperation, { x }, null);
}
