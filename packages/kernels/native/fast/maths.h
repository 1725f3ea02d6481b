// exp, log, erf, tanh, GELU, sin and cos over any float vector type V made by compiler vector extensions. No standard
// library here: compiled once per set. Largest errors against float64 with and without FMA: exp 0.98, log 0.84,
// erf 1.38, tanh 1.30 ULP. test/maths.test.ts holds what users are told (unaryOperations). NaN gives NaN, ±Inf the
// limit, subnormal results and arguments are kept. The polynomials are weighted minimax fits of this project.
#pragma once
#include "../vector.h"

namespace splitmask::SPLITMASK_SET {

// The int32 vector of V's width: what a comparison of two V yields.
template <class V> using IntegersOf = decltype(V{} < V{});

template <class V> inline V absoluteValue(V x) { return (V)((IntegersOf<V>)x & 0x7fffffff); }
template <class V> inline V withSignOf(V magnitude, V sign) {
  return (V)(((IntegersOf<V>)magnitude & 0x7fffffff) | ((IntegersOf<V>)sign & (-0x7fffffff - 1)));
}

// x, or `low` where x is smaller; NaN stays.
template <class V> inline V atLeast(V x, V low) { return x < low ? low : x; }
inline Vector atLeast(Vector x, Vector low) { return maximum(low, x); }

// The nearest integers, ties to even: 2²³ and more are integers already.
template <class V> inline V roundToEven(V x) {
  const V shift = V{} + 8388608.0f, size = absoluteValue(x);
  const V rounded = (size + shift) - shift;
  return size < shift ? withSignOf(rounded, x) : x;
}
template <class V> inline V roundDown(V x) {
  const V near = roundToEven(x);
  return withSignOf(near > x ? near - 1.0f : near, x);
}

// e^y = e^r·2ⁿ with y = n·ln 2 + r, |r| ≤ ln 2 / 2: returns e^r − 1; `shifted` holds n in its low bits, over
// 0x4b400000.
template <class V> inline V reducedExponentialMinus1(V y, IntegersOf<V>& shifted) {
  const V shift = V{} + 12582912.0f;  // 1.5·2²³: adding it rounds to an integer in the low bits
  const V sum = y * 1.44269504f + shift;
  const V n = sum - shift;
  const V r = y - n * 0.693145752f - n * 1.42860677e-6f;
  V p = r * 1.381443329e-03f + 8.368796794e-03f;
  p = p * r + 4.166839580e-02f;
  p = p * r + 1.666651997e-01f;
  p = p * r + 4.999999340e-01f;
  shifted = (IntegersOf<V>)sum;
  return p * (r * r) + r;
}
template <class V> inline V reducedExponential(V y, IntegersOf<V>& shifted) {
  return reducedExponentialMinus1(y, shifted) + 1.0f;
}

// e^x: 2ⁿ in two factors, so that subnormal results and 2¹²⁸ come out right.
template <class V> inline V exponential(V x) {
  using I = IntegersOf<V>;
  const V high = V{} + 89.0f;
  V y = atLeast(x, V{} - 104.0f);
  y = y > high ? high : y;
  I shifted;
  const V e = reducedExponential(y, shifted);
  const I whole = shifted - 0x4b400000;
  const I half = whole >> 1;
  return e * (V)((half + 127) << 23) * (V)((whole - half + 127) << 23);
}

// e^x − 1. From 2²⁴ on the 1 makes no difference, and 2ⁿ takes two factors, as above; below −25 the result is −1.
template <class V> inline V exponentialMinus1(V x) {
  using I = IntegersOf<V>;
  const V high = V{} + 89.0f;
  V y = atLeast(x, V{} - 25.0f);
  y = y > high ? high : y;
  I shifted;
  const V e = reducedExponentialMinus1(y, shifted);
  const I whole = shifted - 0x4b400000;
  const I half = whole >> 1;
  const V first = (V)((half + 127) << 23), second = (V)((whole - half + 127) << 23);
  const V scale = first * second;
  return whole < 24 ? e * scale + (scale - 1.0f) : (e + 1.0f) * first * second;
}

// e^x for x ≤ 0 (softmax, after the maximum was taken off; up to 88 is fine): results below 2⁻¹²⁶·⁵ are flushed to
// zero.
template <class V> inline V exponentialOfNegative(V x) {
  using I = IntegersOf<V>;
  const V y = atLeast(x, V{} - 88.0f);
  I shifted;
  const V e = reducedExponential(y, shifted);
  return e * (V)((shifted + 127) << 23);
}

// 2^x for x ≤ 0 (the same for scores in units of ln 2; below 127 is fine): x = n + r, |r| ≤ ½, and n is added to the
// exponent of 2^r. 0 from −127 down.
template <class V> inline V powerOf2OfNegative(V x) {
  using I = IntegersOf<V>;
  const V shift = V{} + 12582912.0f;
  const V y = atLeast(x, V{} - 127.0f);
  const V sum = y + shift;
  const V r = y - (sum - shift);
  V p = r * 1.326472725e-03f + 9.671512786e-03f;
  p = p * r + 5.550733744e-02f;
  p = p * r + 2.402224208e-01f;
  p = p * r + 6.931469776e-01f;
  p = p * r + 1.0f;
  return (V)((I)p + ((I)sum << 23));
}

// ln x: x = 2ᵉ·(1 + f) with √½ ≤ 1 + f < √2.
template <class V> inline V logarithm(V x) {
  using I = IntegersOf<V>;
  const V smallest = V{} + 1.17549435e-38f;
  const I subnormal = x < smallest;
  const V y = subnormal ? x * 8388608.0f : x;
  const I bits = (I)y;
  const I exponent = (bits - 0x3f3504f3) >> 23;
  const V f = (V)(bits - (exponent << 23)) - 1.0f;
  const V e = __builtin_convertvector(exponent - (subnormal & 23), V);
  V p = f * 6.746644234e-02f - 1.167565764e-01f;
  p = p * f + 1.188816378e-01f;
  p = p * f - 1.240558813e-01f;
  p = p * f + 1.421955207e-01f;
  p = p * f - 1.666799588e-01f;
  p = p * f + 2.000211867e-01f;
  p = p * f - 2.500000960e-01f;
  p = p * f + 3.333331260e-01f;
  const V square = f * f;
  const V rest = (p * (f * square) - square * 0.5f) + e * 1.42860677e-6f;
  V result = (f + rest) + e * 0.693145752f;
  const V infinity = V{} + __builtin_inff();
  result = x == infinity ? x : result;
  result = x == V{} ? -infinity : result;
  return x >= V{} ? result : V{} + __builtin_nanf("");
}

// ln(1 + x): what 1 + x loses of x in rounding is added as a share of it.
template <class V> inline V logarithmPlus1(V x) {
  const V sum = x + 1.0f;
  const V lost = (x - (sum - 1.0f)) / sum, log = logarithm(sum);
  return lost == lost ? log + lost : log;
}

// ln(1 + e^x) without overflow.
template <class V> inline V softplus(V x) {
  return (x <= V{} ? V{} : x) + logarithmPlus1(exponential(-absoluteValue(x)));
}

// erf x: odd polynomial below 1, above it 1 − e^P(|x|) with P fitted to ln erfc; 1 from 3.92 on.
template <class V> inline V errorFunction(V x) {
  const V a = absoluteValue(x);
  const V s = x * x;
  V q = s * 7.853876726e-05f - 8.010198826e-04f;
  q = q * s + 5.188328363e-03f;
  q = q * s - 2.685381236e-02f;
  q = q * s + 1.128358516e-01f;
  q = q * s - 3.761262583e-01f;
  q = q * s + 1.283791662e-01f;
  const V inner = q * x + x;
  const V limit = V{} + 4.1f;
  const V t = a > limit ? limit : a;
  V p = t * -2.168675728e-05f + 4.413352221e-04f;
  p = p * t - 4.204555826e-03f;
  p = p * t + 2.520823949e-02f;
  p = p * t - 1.084185484e-01f;
  p = p * t - 6.332199217e-01f;
  p = p * t - 1.129578409e+00f;
  p = p * t + 1.880367152e-04f;
  const V outer = 1.0f - exponentialOfNegative(p);
  return a < V{} + 1.0f ? inner : withSignOf(outer, x);
}

// tanh x: odd polynomial below 0.625, above it 1 − 2/(e^2|x| + 1).
template <class V> inline V hyperbolicTangent(V x) {
  const V a = absoluteValue(x);
  const V s = x * x;
  V q = s * 2.126226088e-03f - 8.159553950e-03f;
  q = q * s + 2.169368072e-02f;
  q = q * s - 5.394552036e-02f;
  q = q * s + 1.333319652e-01f;
  q = q * s - 3.333333057e-01f;
  const V inner = q * (s * x) + x;
  const V limit = V{} + 10.0f;
  const V t = a > limit ? limit : a;
  const V outer = 1.0f - 2.0f / (exponential(t + t) + 1.0f);
  return a < V{} + 0.625f ? inner : withSignOf(outer, x);
}

// Exact GELU, x·Φ(x), with Φ(−a) = 2^(a·P(a) − 1) for a ≥ 0 and P fitted to its logarithm, so that one polynomial and
// one power of two take the place of erf. The −1 is in the number that rounds, where it costs nothing. From 5.8 on
// a·Φ(−a), which is less than 2·10⁻⁸, is taken for 0.
template <class V> inline V gelu(V x) {
  using I = IntegersOf<V>;
  const V a = absoluteValue(x);
  V p = a * -2.628383982e-06f + 3.721420217e-05f;
  p = p * a - 1.773181575e-04f;
  p = p * a - 1.552458561e-04f;
  p = p * a + 7.084020413e-03f;
  p = p * a - 5.250878632e-02f;
  p = p * a - 4.592044353e-01f;
  p = p * a - 1.151105642e+00f;
  const V shift = V{} + 12582911.0f;  // 1.5·2²³ − 1
  const V sum = p * a + shift;
  const V r = p * a - (sum - shift);
  V power = r * 1.535338670e-04f + 1.339888317e-03f;
  power = power * r + 9.618436918e-03f;
  power = power * r + 5.550332367e-02f;
  power = power * r + 2.402264774e-01f;
  power = power * r + 6.931471825e-01f;
  power = power * r + 1.0f;
  const V tail = a > V{} + 5.8f ? V{} : (V)((I)power + ((I)sum << 23));
  return x * (x < V{} ? tail : 1.0f - tail);
}

// Its derivative Φ(x) + x·φ(x), which is 1 less that of −x. For x = −a it is e^(−a²/2)·P(a), P fitted so that the
// product's error is even; 0 from 14 on, and NaN for ±Inf, as x·φ(x) has it.
template <class V> struct GeluTail {
  V a, power, p;
  explicit inline GeluTail(V x) {
    const V limit = V{} + 14.0f, size = absoluteValue(x);
    const V t = size > limit ? limit : size;
    p = t * -3.238439659e-07f + 7.879530749e-06f;
    p = p * t - 8.626949904e-05f;
    p = p * t + 5.710043684e-04f;
    p = p * t - 2.612288484e-03f;
    p = p * t + 9.046658421e-03f;
    p = p * t - 2.552480374e-02f;
    p = p * t + 6.196513533e-02f;
    p = p * t - 1.328249164e-01f;
    p = p * t + 2.499773846e-01f;
    p = p * t - 7.978834240e-01f;
    p = p * t + 0.5f;
    a = t;
    power = powerOf2OfNegative(t * t * -0.721347520f);
  }
};
template <class V> inline V geluDerivative(V x) {
  const GeluTail<V> tail(x);
  const V ofNegative = tail.power * tail.p;
  return (x < V{} ? ofNegative : 1.0f - ofNegative) + (x - x);
}

// Both at once, the value with an error of up to 2⁻²²·|x|, which is enough where it is rounded to bfloat16:
// Φ(−a) = e^(−a²/2)·(P(a) + a/√(2π)).
template <class V> struct GeluAndDerivative {
  V value, derivative;
};
template <class V> inline GeluAndDerivative<V> geluAndDerivative(V x) {
  const GeluTail<V> tail(x);
  const V derivative = tail.power * tail.p, distribution = tail.power * (tail.p + tail.a * 0.398942280f);
  return {x * (x < V{} ? distribution : 1.0f - distribution), (x < V{} ? derivative : 1.0f - derivative) + (x - x)};
}

// x = n·π/2 + r, |r| ≤ π/4: π/2 in three parts, the first two so short that their products with n are exact. `quadrant`
// holds n in its low bits.
template <class V> inline V reducedAngle(V x, IntegersOf<V>& quadrant) {
  const V shift = V{} + 12582912.0f;
  const V sum = x * 0.636619772f + shift;
  const V n = sum - shift;
  quadrant = (IntegersOf<V>)sum;
  const V r = ((x - n * 1.5703125f) - n * 4.837512970e-4f) - n * 7.549789955e-8f;
  // For angles so large that float32 leaves no digit of r, the limit keeps results between −1 and 1.
  const V limit = V{} + 0.7855f;
  return r > limit ? limit : r < -limit ? -limit : r;
}

// sin(x + turns·π/2): the sine or the cosine of r, by the quadrant, odd and even polynomials.
template <class V> inline V turnedSine(V x, int turns) {
  IntegersOf<V> quadrant;
  const V r = reducedAngle(x, quadrant);
  quadrant += turns;
  const V s = r * r;
  V p = s * -1.951520030e-04f + 8.332160163e-03f;
  p = p * s - 1.666665460e-01f;
  const V odd = p * (s * r) + r;
  V q = s * 2.443306236e-05f - 1.388731544e-03f;
  q = q * s + 4.166664567e-02f;
  const V even = q * (s * s) + (1.0f - s * 0.5f);
  const V magnitude = (quadrant & 1) == 0 ? odd : even;
  return (quadrant & 2) == 0 ? magnitude : -magnitude;
}
template <class V> inline V sine(V x) { return turnedSine(x, 0); }
template <class V> inline V cosine(V x) { return turnedSine(x, 1); }

}  // namespace splitmask::SPLITMASK_SET
