// The two precisions of a product's operands: float32, or rounded to bfloat16 (while they are packed, unless they are
// bfloat16 in memory already); sums are float32 in both. Packed elements are 32 bits: a float32, or in the
// set avx512bf16 a pair of bfloat16 that follow each other along the inner dimension, which vdpbf16ps multiplies and
// adds in one step. The earlier one is in the lower half, so that a row of bfloat16 in memory is a row of pairs. The
// other sets keep rounded operands as float32. The instruction adds the upper half's product first, each with one
// rounding; the other sets pack the later float first, so that all sum in this order and agree to the last bit.
// Only what lies below the smallest normal number (which the instruction takes for zero) may differ.
#pragma once
#include "bfloat16.h"
#include "maths.h"

namespace splitmask::SPLITMASK_SET {

enum class Precision { float32, bfloat16 };

// How many steps of the inner dimension a packed element holds.
#if defined(__AVX512BF16__)
template <Precision precision> constexpr int64 innerStep = precision == Precision::bfloat16 ? 2 : 1;
#else
template <Precision precision> constexpr int64 innerStep = 1;
#endif

// How many steps are packed together, as a pair or one after the other, and how many elements `inner` steps become.
template <Precision precision> constexpr int64 stepsTogether = precision == Precision::bfloat16 ? 2 : 1;
template <Precision precision> SPLITMASK_INLINE int64 packedElements(int64 inner) {
  constexpr int64 together = stepsTogether<precision>;
  return (inner + together - 1) / together * (together / innerStep<precision>);
}

// sum += left·right, of packed elements that hold `step` steps.
template <int64 step> SPLITMASK_INLINE void multiplyAdd(Vector& sum, Vector left, Vector right) {
#if defined(__AVX512BF16__)
  if constexpr (step == 2) {
    sum = (Vector)_mm512_dpbf16_ps((__m512)sum, (__m512bh)left, (__m512bh)right);
    return;
  }
#endif
#if defined(__wasm_relaxed_simd__)
  sum = fma(left, right, sum);  // which the compiler does not make of the line below
#else
  sum += left * right;
#endif
}

#if defined(__AVX512BF16__)
// Lane by lane a pair.
SPLITMASK_INLINE Vector pairAcross(Vector earlier, Vector later) {
  const __m512i words = (__m512i)_mm512_cvtne2ps_pbh((__m512)later, (__m512)earlier);
  const IntVector first = laneNumbers() * 0x00010001 + 0x00100000;
  return (Vector)_mm512_permutexvar_epi16((__m512i)first, words);
}
SPLITMASK_INLINE Vector pairAcross(HalfWords earlier, HalfWords later) {
  return (Vector)(widen(earlier) | widen(later) << 16);
}
// Neighbors become pairs, of 32 values in two vectors.
SPLITMASK_INLINE Vector pairAlong(Vector first, Vector second) {
  return (Vector)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first);
}
#else
SPLITMASK_INLINE Vector swapNeighbors(Vector values) {
#if defined(__AVX512F__)
  return __builtin_shufflevector(values, values, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
#elif defined(__AVX2__)
  return __builtin_shufflevector(values, values, 1, 0, 3, 2, 5, 4, 7, 6);
#else
  return __builtin_shufflevector(values, values, 1, 0, 3, 2);
#endif
}
#endif

SPLITMASK_INLINE int clampCount(int64 count) { return static_cast<int>(count < 0 ? 0 : count < lanes ? count : lanes); }
template <class T> SPLITMASK_INLINE Vector loadFirst(const T* from, int64 count) {
  return count >= lanes ? load(from) : loadPartial(from, clampCount(count));
}
SPLITMASK_INLINE HalfWords loadFirstWords(const Bfloat16* from, int64 count) {
  return count >= lanes ? loadWords(from) : loadWordsPartial(from, clampCount(count));
}

// An operand's values as they are multiplied, before they are rounded: GELU of them where the product is to `activate`
// the operand.
template <bool activate, class T> SPLITMASK_INLINE Vector fetch(const T* from, int64 count) {
  const Vector value = loadFirst(from, count);
  return activate ? gelu(value) : value;
}

// What `fetch` gives, rounded; what lies in memory as bfloat16 is as it is.
template <bool activate, class T> SPLITMASK_INLINE Vector fetchRounded(const T* from, int64 count) {
  const Vector value = fetch<activate>(from, count);
  return isBfloat16<T> && !activate ? value : roundToBfloat16(value);
}

// Packed elements that follow each other along the inner dimension, which runs through memory: `count` values are
// there, the rest is zeros.
template <Precision precision, bool activate = false, class T>
SPLITMASK_INLINE Vector fetchAlong(const T* from, int64 count) {
  if constexpr (precision == Precision::float32) {
    return fetch<activate>(from, count);
  } else {
#if defined(__AVX512BF16__)
    if constexpr (isBfloat16<T> && !activate) {
      const __mmask32 present = count >= 2 * lanes ? ~0u : (1u << (count < 0 ? 0 : count)) - 1u;
      return (Vector)_mm512_maskz_loadu_epi16(present, from);
    } else {
      return pairAlong(fetch<activate>(from, count), fetch<activate>(from + lanes, count - lanes));
    }
#else
    return swapNeighbors(fetchRounded<activate>(from, count));
#endif
  }
}

// Stores the packed elements of `count` columns for the steps that are packed together; missing columns are zeros. The
// first step's line in memory is `from`, the next one's `leading` further, if `lines` > 1; the next element's place is
// `apart` further.
template <Precision precision, bool activate = false, class T>
SPLITMASK_INLINE void packAcross(float* place, int64 apart, const T* from, int64 leading, int64 lines, int64 count) {
  if constexpr (precision == Precision::float32) {
    store(place, fetch<activate>(from, count));
  } else {
#if defined(__AVX512BF16__)
    if constexpr (isBfloat16<T> && !activate) {
      store(place,
            pairAcross(loadFirstWords(from, count), lines > 1 ? loadFirstWords(from + leading, count) : HalfWords{}));
    } else {
      store(place,
            pairAcross(fetch<activate>(from, count), lines > 1 ? fetch<activate>(from + leading, count) : Vector{}));
    }
#else
    store(place, lines > 1 ? fetchRounded<activate>(from + leading, count) : Vector{});
    store(place + apart, fetchRounded<activate>(from, count));
#endif
  }
}

}  // namespace splitmask::SPLITMASK_SET
