// aᵇ over vectors of floats: 2^(b·log₂|a|) in doubles, where the series below leave an error of 2⁻³⁰, so that the float
// is the nearest one or its neighbor. Zeros, infinities and NaN as C's pow.
#pragma once
#include "doubles.h"
#include "maths.h"

namespace splitmask::SPLITMASK_SET {

typedef unsigned long long WideVector __attribute__((vector_size(lanes * 4)));

// log₂ x of positive finite doubles that are not subnormal: x = 2ᵉ·m with √½ ≤ m < √2, and the series of the inverse
// hyperbolic tangent of (m − 1)/(m + 1), times 2/ln 2.
SPLITMASK_INLINE DoubleVector logarithm2(DoubleVector x) {
  const WideVector bits = (WideVector)x, exponent = (bits + 0x00095f619980c433ull) >> 52;  // 1 − √½, in bits; 1023 over
  const DoubleVector m = (DoubleVector)(bits - (exponent << 52) + 0x3ff0000000000000ull);
  const DoubleVector e = (DoubleVector)(exponent | 0x4330000000000000ull) - (0x1p52 + 1023);
  const DoubleVector s = (m - 1.0) / (m + 1.0), t = s * s;
  DoubleVector p = t * 0.22195308321368667 + 0.2623081892525388;
  p = p * t + 0.3205988979753252;
  p = p * t + 0.4121985831111324;
  p = p * t + 0.5770780163555853;
  p = p * t + 0.9617966939259756;
  p = p * t + 2.8853900817779268;
  return e + p * s;
}

// 2^p for −160 ≤ p ≤ 160: 2ⁿ times the exponential series of the rest.
SPLITMASK_INLINE DoubleVector powerOf2(DoubleVector p) {
  const DoubleVector shift = DoubleVector{} + 0x1.8p52;
  const DoubleVector sum = p + shift, r = (p - (sum - shift)) * 0.69314718055994531;
  DoubleVector q = r * (1.0 / 40320) + 1.0 / 5040;
  q = q * r + 1.0 / 720;
  q = q * r + 1.0 / 120;
  q = q * r + 1.0 / 24;
  q = q * r + 1.0 / 6;
  q = q * r + 0.5;
  q = q * r + 1.0;
  q = q * r + 1.0;
  return (DoubleVector)((WideVector)q + ((WideVector)sum << 52));
}

// aᵇ for a ≥ 0; NaN for 0·∞ in the exponent.
SPLITMASK_INLINE DoubleVector powerOfPositive(DoubleVector a, DoubleVector b) {
  const DoubleVector infinity = DoubleVector{} + __builtin_inf(), limit = DoubleVector{} + 160.0;
  DoubleVector log = logarithm2(a);
  log = a == 0.0 ? -infinity : log;
  log = a == infinity ? infinity : log;
  const DoubleVector p = b * log;
  const DoubleVector low = p < -limit ? -limit : p;
  const DoubleVector power = powerOf2(low > limit ? limit : low);
  return (p == p) & (a == a) ? power : p + a;
}

SPLITMASK_INLINE Vector power(Vector a, Vector b) {
  const Vector size = absolute(a), exponentSize = absolute(b);
  const Doubles x = toDoubles(size), y = toDoubles(b);
  Vector result = toFloats(Doubles{powerOfPositive(x.low, y.low), powerOfPositive(x.high, y.high)});
  // From 2²⁴ on, and at infinity, every exponent is even.
  const Vector large = broadcast(16777216.0f), infinity = broadcast(__builtin_inff());
  const IntVector isLarge = exponentSize >= large, isWhole = isLarge | (roundToEven(b) == b);
  const IntVector isOdd = ~isLarge & isWhole & ((toInt(select(isLarge, zero(), b)) & 1) != 0);
  const IntVector isNegative = asInt(a) < 0;
  result = select(isNegative & isOdd, -result, result);
  result = select((a < zero()) & (size < infinity) & ~isWhole, broadcast(__builtin_nanf("")), result);
  const Vector one = broadcast(1.0f);
  const IntVector isOne = (a == one) | ((size == one) & (exponentSize == infinity)) | (b == zero());
  return select(isOne, one, result);
}

}  // namespace splitmask::SPLITMASK_SET
