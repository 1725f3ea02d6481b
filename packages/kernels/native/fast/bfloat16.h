// Vectors of bfloat16 numbers: rounded from and widened to vectors of floats.
#pragma once
#include "../bfloat16.h"
#include "../vector.h"

namespace splitmask::SPLITMASK_SET {

template <class T> constexpr bool isBfloat16 = false;
template <> inline constexpr bool isBfloat16<Bfloat16> = true;

typedef unsigned UnsignedVector __attribute__((vector_size(lanes * 4)));
typedef unsigned short HalfWords __attribute__((vector_size(lanes * 2)));
typedef unsigned short UnalignedHalfWords __attribute__((vector_size(lanes * 2), aligned(2), may_alias));

// The nearest bfloat16, ties to even; NaN stays NaN, and what is below the smallest normal number becomes zero, as the
// CPU's own conversion has it.
SPLITMASK_INLINE Vector roundToBfloat16(Vector value) {
  const UnsignedVector bits = (UnsignedVector)value;
  const IntVector rounded = (IntVector)((bits + 0x7fffu + (bits >> 16 & 1u)) & 0xffff0000u);
  const IntVector tiny = (bits & 0x7f800000u) == 0u, sign = (IntVector)(bits & 0x80000000u);
  return select(value == value, asFloat(select(tiny, sign, rounded)), value);
}

SPLITMASK_INLINE HalfWords toHalfWords(Vector value) {
#if defined(__AVX512BF16__)
  return (HalfWords)_mm512_cvtneps_pbh((__m512)value);
#else
  // The quiet bit is set, as the CPU's own conversion does: a NaN with bits in its lower half alone would become
  // infinity.
  const UnsignedVector bits = (UnsignedVector)roundToBfloat16(value);
  const UnsignedVector quiet = (UnsignedVector)(value != value) & 0x00400000u;
  return __builtin_convertvector((bits | quiet) >> 16, HalfWords);
#endif
}
SPLITMASK_INLINE UnsignedVector widen(HalfWords words) { return __builtin_convertvector(words, UnsignedVector); }
SPLITMASK_INLINE Vector toFloats(HalfWords words) { return (Vector)(widen(words) << 16); }

SPLITMASK_INLINE HalfWords loadWords(const Bfloat16* from) {
  return *reinterpret_cast<const UnalignedHalfWords*>(from);
}
// The first `count` (0 … lanes) elements, zeros in the others; reads nothing beyond them.
SPLITMASK_INLINE HalfWords loadWordsPartial(const Bfloat16* from, int count) {
#if defined(__AVX512F__)
  return (HalfWords)_mm256_maskz_loadu_epi16((__mmask16)((1u << count) - 1u), from);
#else
  HalfWords words = {};
  for (int i = 0; i < count; ++i) words[i] = from[i].bits;
  return words;
#endif
}

SPLITMASK_INLINE Vector load(const Bfloat16* from) { return toFloats(loadWords(from)); }
SPLITMASK_INLINE void store(Bfloat16* to, Vector value) {
  *reinterpret_cast<UnalignedHalfWords*>(to) = toHalfWords(value);
}
SPLITMASK_INLINE Vector loadPartial(const Bfloat16* from, int count, float filler = 0.0f) {
  return select(firstLanes(count), toFloats(loadWordsPartial(from, count)), broadcast(filler));
}
SPLITMASK_INLINE void storePartial(Bfloat16* to, Vector value, int count) {
  const HalfWords words = toHalfWords(value);
#if defined(__AVX512F__)
  _mm256_mask_storeu_epi16(to, (__mmask16)((1u << count) - 1u), (__m256i)words);
#else
  for (int i = 0; i < count; ++i) to[i].bits = words[i];
#endif
}

}  // namespace splitmask::SPLITMASK_SET
