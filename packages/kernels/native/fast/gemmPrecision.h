// The two precisions of a product's operands: float32 as they are, or rounded to bfloat16 while they are packed; sums
// are float32 in both. Packed elements are 32 bits: a float32, or in the set avx512bf16 a pair of bfloat16 that follow
// each other along the inner dimension, which vdpbf16ps multiplies and adds in one step. The other sets keep rounded
// operands as float32. The instruction adds the upper half's product first, each with one rounding, so with the earlier
// one in the upper half all sets sum in rising order and agree to the last bit; only what lies below the smallest
// normal number (which the instruction takes for zero) may differ.
#pragma once
#include "maths.h"

namespace splitmask::SPLITMASK_SET {

enum class Precision { float32, bfloat16 };

// How many steps of the inner dimension a packed element holds.
#if defined(__AVX512BF16__)
template <Precision precision> constexpr int64 innerStep = precision == Precision::bfloat16 ? 2 : 1;
#else
template <Precision precision> constexpr int64 innerStep = 1;
#endif

SPLITMASK_INLINE int64 stepOf(Precision precision) {
  return precision == Precision::bfloat16 ? innerStep<Precision::bfloat16> : innerStep<Precision::float32>;
}

// sum += left·right, of packed elements that hold `step` steps.
template <int64 step> SPLITMASK_INLINE void multiplyAdd(Vector& sum, Vector left, Vector right) {
#if defined(__AVX512BF16__)
  if constexpr (step == 2) {
    sum = (Vector)_mm512_dpbf16_ps((__m512)sum, (__m512bh)left, (__m512bh)right);
    return;
  }
#endif
  sum += left * right;
}

// The nearest bfloat16, ties to even; NaN stays NaN, and what is below the smallest normal number becomes zero, as the
// CPU's own conversion has it.
SPLITMASK_INLINE Vector roundToBfloat16(Vector value) {
  typedef unsigned Bits __attribute__((vector_size(lanes * 4)));
  const Bits bits = (Bits)value;
  const IntVector rounded = (IntVector)((bits + 0x7fffu + (bits >> 16 & 1u)) & 0xffff0000u);
  const IntVector tiny = (bits & 0x7f800000u) == 0u, sign = (IntVector)(bits & 0x80000000u);
  return select(value == value, asFloat(select(tiny, sign, rounded)), value);
}

#if defined(__AVX512BF16__)
// Lane by lane a pair: the earlier one of the inner dimension in the upper half.
SPLITMASK_INLINE Vector pairAcross(Vector earlier, Vector later) {
  const __m512i words = (__m512i)_mm512_cvtne2ps_pbh((__m512)earlier, (__m512)later);
  const IntVector first = laneNumbers() * 0x00010001 + 0x00100000;
  return (Vector)_mm512_permutexvar_epi16((__m512i)first, words);
}
// Neighbors become pairs, of 32 values in two vectors.
SPLITMASK_INLINE Vector pairAlong(Vector first, Vector second) {
  return (Vector)_mm512_rol_epi32((__m512i)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first), 16);
}
#endif

SPLITMASK_INLINE int clampCount(int64 count) { return static_cast<int>(count < 0 ? 0 : count < lanes ? count : lanes); }
SPLITMASK_INLINE Vector loadFirst(const float* from, int64 count) {
  return count >= lanes ? load(from) : loadPartial(from, clampCount(count));
}

// An operand's values as they are multiplied, before they are rounded: GELU of them where the product is to `activate`
// the operand.
template <bool activate> SPLITMASK_INLINE Vector fetch(const float* from, int64 count) {
  const Vector value = loadFirst(from, count);
  return activate ? gelu(value) : value;
}

// Packed elements that follow each other along the inner dimension, which runs through memory: `count` floats are
// there, the rest is zeros.
template <Precision precision, bool activate = false>
SPLITMASK_INLINE Vector fetchAlong(const float* from, int64 count) {
  if constexpr (precision == Precision::float32) {
    return fetch<activate>(from, count);
  } else {
#if defined(__AVX512BF16__)
    return pairAlong(fetch<activate>(from, count), fetch<activate>(from + lanes, count - lanes));
#else
    return roundToBfloat16(fetch<activate>(from, count));
#endif
  }
}

// The packed elements of `count` columns at one inner step, whose line in memory is `from`; the next step's is
// `leading` further, if `lines` > 1.
template <Precision precision, bool activate = false>
SPLITMASK_INLINE Vector fetchAcross(const float* from, int64 leading, int64 lines, int64 count) {
  if constexpr (precision == Precision::float32) {
    return fetch<activate>(from, count);
  } else {
#if defined(__AVX512BF16__)
    return pairAcross(fetch<activate>(from, count), lines > 1 ? fetch<activate>(from + leading, count) : Vector{});
#else
    return roundToBfloat16(fetch<activate>(from, count));
#endif
  }
}

}  // namespace splitmask::SPLITMASK_SET
