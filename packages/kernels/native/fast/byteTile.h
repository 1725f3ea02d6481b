// The micro-kernel of int8 products: levels 0 … 255 of a times the int8 of a packed weight, in tiles of int32 sums that
// stay in registers. The sums are exact, so that they are the same in every set.
#pragma once
#include "../packedWeights.h"
#include "gemmMicro.h"
#include "rowLevels.h"

namespace splitmask::SPLITMASK_SET {

// The int8 of packed elements that are multiplied with word `word` of the levels.
template <int word> SPLITMASK_INLINE IntVector weightsOfWord(IntVector packed) {
  if constexpr (wordsOfLevels == 1) return packed;
  typedef short Halves __attribute__((vector_size(lanes * 4)));
  const Halves halves = (Halves)packed;
  return word == 0 ? (IntVector)((Halves)(halves << 8) >> 8) : (IntVector)(halves >> 8);
}

// sum += Σ left·right over the levels and weights of a word.
SPLITMASK_INLINE IntVector addProducts(IntVector sum, IntVector left, IntVector right) {
#if defined(__AVX512VNNI__)
  return (IntVector)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)left, (__m512i)right);
#elif defined(__AVX512F__)
  return sum + (IntVector)_mm512_madd_epi16((__m512i)left, (__m512i)right);
#elif defined(__AVX2__)
  return sum + (IntVector)_mm256_madd_epi16((__m256i)left, (__m256i)right);
#elif defined(__x86_64__)
  return sum + (IntVector)_mm_madd_epi16((__m128i)left, (__m128i)right);
#elif defined(__aarch64__)
  const int16x8_t a = (int16x8_t)left, b = (int16x8_t)right;
  return sum + (IntVector)vpaddq_s32(vmull_s16(vget_low_s16(a), vget_low_s16(b)), vmull_high_s16(a, b));
#elif defined(__wasm__)
  return sum + (IntVector)wasm_i32x4_dot_i16x8((v128_t)left, (v128_t)right);
#else
  return sum + (left << 16 >> 16) * (right << 16 >> 16) + (left >> 16) * (right >> 16);
#endif
}

// What becomes of the sums of a tile.
struct ByteOutput {
  float* c;
  int64 stride;
  int columns;
  const RowLevels* rows;
  const float* scales;    // by column
  const int* sums;        // by column
  const float* bias;      // by column; may be null
  const float* residual;  // laid out as c; may be null
  bool activate;
};

using ByteKernel = void (*)(int64 elements, const int* a, int64 aStride, const int* b, const ByteOutput& output);

template <int vectors, int rows, int word>
SPLITMASK_INLINE void addWord(const int* const* lines, int64 aStride, const int* b, IntVector (&sums)[rows][vectors]) {
  IntVector right[vectors];
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) right[v] = weightsOfWord<word>(load(b + v * lanes));
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i) {
    const IntVector left = broadcast(lines[i / 3][(i % 3) * aStride + word]);
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) sums[i][v] = addProducts(sums[i][v], left, right[v]);
  }
}

// a: rows of elements of wordsOfLevels words, `aStride` words apart; b: a packed panel.
template <int rows, int vectors>
void computeByteTile(int64 elements, const int* a, int64 aStride, const int* b, const ByteOutput& output) {
  IntVector sums[rows][vectors];
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) sums[i][v] = IntVector{};
  constexpr int groups = (rows + 2) / 3;  // as in multiplyTile
  const int* lines[groups];
#pragma GCC unroll 8
  for (int g = 0; g < groups; ++g) lines[g] = a + 3 * g * aStride;
  for (int64 e = 0; e < elements; ++e, b += packedColumns) {
    addWord<vectors, rows, 0>(lines, aStride, b, sums);
    if constexpr (wordsOfLevels == 2) addWord<vectors, rows, 1>(lines, aStride, b, sums);
#pragma GCC unroll 8
    for (int g = 0; g < groups; ++g) lines[g] += wordsOfLevels;
  }
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) {
    const int count = clampCount(output.columns - v * lanes);
    const bool whole = count == lanes;
    const auto take = [&](const float* from) {
      return whole ? load(from + v * lanes) : loadPartial(from + v * lanes, count);
    };
    const Vector scale = take(output.scales), bias = output.bias ? take(output.bias) : Vector{};
    const Vector sum = toFloat(whole ? load(output.sums + v * lanes) : loadPartial(output.sums + v * lanes, count));
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      const RowLevels& row = output.rows[i];
      Vector value = (toFloat(sums[i][v]) * row.step + sum * row.low) * scale + bias;
      if (output.activate) value = gelu(value);
      if (output.residual) value += take(output.residual + i * output.stride);
      float* to = output.c + i * output.stride + v * lanes;
      if (whole)
        store(to, value);
      else
        storePartial(to, value, count);
    }
  }
}

template <int rows = tileRows> ByteKernel byteKernel(int wanted, int columns) {
  if constexpr (rows > 1) {
    if (wanted != rows) return byteKernel<rows - 1>(wanted, columns);
  }
  return columns <= lanes ? &computeByteTile<rows, 1> : &computeByteTile<rows, tileVectors>;
}

}  // namespace splitmask::SPLITMASK_SET
