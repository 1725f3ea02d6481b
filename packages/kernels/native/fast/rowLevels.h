// Rows of a product's first operand quantized to the levels 0 … 255, in the order in which byteTile.h reads them.
#pragma once
#include "../packedWeights.h"
#include "gemmPack.h"
#include "loops.h"

namespace splitmask::SPLITMASK_SET {

// How many 32-bit words hold four levels: one where the set multiplies bytes, else two, each with two levels of 16
// bits: (0, 2) and (1, 3).
#if defined(__AVX512VNNI__)
constexpr int wordsOfLevels = 1;
#else
constexpr int wordsOfLevels = 2;
#endif

// How the levels of a row become numbers again: value = low + step·level.
struct RowLevels {
  float low, step;
};

SPLITMASK_INLINE IntVector roundToInt(Vector value) {
#if defined(__AVX512F__)
  return (IntVector)_mm512_cvtps_epi32((__m512)value);
#elif defined(__AVX2__)
  return (IntVector)_mm256_cvtps_epi32((__m256)value);
#elif defined(__x86_64__)
  return (IntVector)_mm_cvtps_epi32((__m128)value);
#elif defined(__aarch64__)
  return (IntVector)vcvtnq_s32_f32((float32x4_t)value);
#elif defined(__wasm__)
  return (IntVector)wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_nearest((v128_t)value));
#else
  IntVector whole;
  for (int i = 0; i < lanes; ++i) whole[i] = static_cast<int>(__builtin_nearbyintf(value[i]));
  return whole;
#endif
}

// 32-bit words of a row of k levels.
SPLITMASK_INLINE int64 wordsOfRow(int64 k) { return divideUp(k, 4) * wordsOfLevels; }

// Quantizes a row of a; `to` has wordsOfRow(k) words.
inline RowLevels findLevels(const float* row, int64 k, int* to) {
  if (k == 0) return {0.0f, 0.0f};
  const float nan = __builtin_nanf("");
  Vector least = broadcast(row[0]), largest = least, check = {};
  overVectors(0, k, [&](int64 i, auto part) {
    const Vector value = part.read(row + i, row[0]);
    least = minimum(value, least);
    largest = maximum(value, largest);
    check += value - value;  // NaN where the value is not finite
  });
  const float low = horizontalMinimum(least), range = horizontalMaximum(largest) - low;
  const bool finite = horizontalSum(check) == 0.0f, varies = range > smallestRange;
  const Vector lowest = broadcast(low), inverse = broadcast(varies && finite ? largestLevel / range : 0.0f);
  typedef unsigned char Bytes __attribute__((vector_size(lanes), aligned(1), may_alias));
  const int64 elements = divideUp(k, 4);
  unsigned char* bytes = reinterpret_cast<unsigned char*>(to + elements * (wordsOfLevels - 1));
  to[elements * wordsOfLevels - 1] = 0;
  int64 i = 0;
  for (; i + lanes <= k; i += lanes) {
    *reinterpret_cast<Bytes*>(bytes + i) =
        __builtin_convertvector(roundToInt((load(row + i) - lowest) * inverse), Bytes);
  }
  if (i < k) {
    const Bytes rest = __builtin_convertvector(
        roundToInt((loadPartial(row + i, static_cast<int>(k - i), low) - lowest) * inverse), Bytes);
    for (int lane = 0; i + lane < k; ++lane) bytes[i + lane] = rest[lane];
  }
  if constexpr (wordsOfLevels == 2) {
    for (int64 e = 0; e < elements; ++e) {
      const int four = to[elements + e];
      to[2 * e] = four & 0x00ff00ff;
      to[2 * e + 1] = four >> 8 & 0x00ff00ff;
    }
  }
  if (!finite) return {nan, nan};
  return {low, varies ? range / largestLevel : 0.0f};
}

}  // namespace splitmask::SPLITMASK_SET
