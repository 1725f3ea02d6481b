// Packing: copies blocks of a and b into the order in which the micro-kernel reads them. Transposes happen here;
// missing columns are zeros.
#pragma once
#include "gemmMicro.h"

namespace splitmask::SPLITMASK_SET {

SPLITMASK_INLINE int64 divideUp(int64 value, int64 by) { return (value + by - 1) / by; }

// Elements of an operand in a cache line.
template <class T> constexpr int64 lineElements = 64 / sizeof(T);

// The row stride of a packed block of a, `inner` elements wide: whole cache lines and an odd number of them, so that
// rows spread over all cache sets.
SPLITMASK_INLINE int64 packedStride(int64 inner) { return (divideUp(inner, 16) | 1) * 16; }

// How far apart packed panels of so many floats lie: an odd number of cache lines, because what is packed line by line
// of the operand goes to all panels in turn, and at a multiple of the cache's way they would share one set.
SPLITMASK_INLINE int64 panelStride(int64 floats) { return (divideUp(floats, 16) | 1) * 16; }

// Below, `inner` counts steps as the operand has them in memory; packed they are packedElements(inner). An operand's
// elements are float or Bfloat16. `activate`: GELU of every element is packed.

// Rows of a as they are, `stride` elements apart.
template <Precision precision = Precision::float32, bool activate = false, class T>
inline void packRows(float* to, int64 stride, const T* a, int64 aLeading, int64 rows, int64 inner) {
  constexpr int64 wide = lanes * innerStep<precision>;
  const int64 elements = packedElements<precision>(inner);
  for (int64 i = 0; i < rows; ++i) {
    const T* from = a + i * aLeading;
    float* place = to + i * stride;
    int64 k = 0;
    for (; k + wide <= inner; k += wide, place += lanes) store(place, fetchAlong<precision, activate>(from + k, wide));
    if (k < inner)
      storePartial(place, fetchAlong<precision, activate>(from + k, inner - k),
                   static_cast<int>(to + i * stride + elements - place));
  }
}

// Panels of `height` rows are this wide in packed transposed a: whole vectors.
SPLITMASK_INLINE int64 panelWidth(int64 height) { return divideUp(height, lanes) * lanes; }

// Panels of `height` rows of a whose memory is inner×rows: panel p holds [element][panelWidth(height)] and begins at
// p·panelStride. `readable`: elements of a line of a from `a` on.
template <Precision precision = Precision::float32, bool activate = false, class T>
inline void packTransposedRows(float* to, int64 height, const T* a, int64 aLeading, int64 rows, int64 inner,
                               int64 readable) {
  constexpr int64 together = stepsTogether<precision>;
  const int64 width = panelWidth(height), panelSize = panelStride(width * packedElements<precision>(inner));
  // Whole vectors may run into the next panel's rows, but not beyond the line.
  const int64 whole = readable < width ? 0 : minimum(divideUp(rows, height), (readable - width) / height + 1);
  for (int64 k = 0; k < inner; k += together) {
    const T* line = a + k * aLeading;
    float* place = to + k / innerStep<precision> * width;
    const auto copy = [&](int64 panel, int64 count) {
      for (int64 v = 0; v < width; v += lanes) {
        packAcross<precision, activate>(place + panel * panelSize + v, width, line + panel * height + v, aLeading,
                                        inner - k, count - v);
      }
    };
    for (int64 row = 0; row < rows; row += lineElements<T>) {
      for (int64 i = 0; i < together; ++i) __builtin_prefetch(line + (8 + i) * aLeading + row);
    }
    for (int64 panel = 0; panel < whole; ++panel) copy(panel, width);
    for (int64 row = whole * height; row < rows; row += height) copy(row / height, minimum(height, rows - row));
  }
}

// Panels [element][tileColumns], `stride` apart, from b as inner×columns, line by line of b.
template <Precision precision = Precision::float32, bool activate = false, class T>
inline void packPanels(float* to, int64 stride, const T* b, int64 bLeading, int64 inner, int64 columns) {
  constexpr int64 together = stepsTogether<precision>;
  const int64 whole = columns / tileColumns, rest = columns % tileColumns;
  for (int64 k = 0; k < inner; k += together) {
    const T* line = b + k * bLeading;
    float* place = to + k / innerStep<precision> * tileColumns;
    const auto copy = [&](int64 panel, int64 count) {
#pragma GCC unroll 4
      for (int v = 0; v < tileVectors; ++v) {
        packAcross<precision, activate>(place + panel * stride + v * lanes, tileColumns,
                                        line + panel * tileColumns + v * lanes, bLeading, inner - k, count - v * lanes);
      }
    };
    for (int64 column = 0; column < columns; column += lineElements<T>) {
      for (int64 i = 0; i < together; ++i) __builtin_prefetch(line + (8 + i) * bLeading + column);
    }
    for (int64 panel = 0; panel < whole; ++panel) copy(panel, tileColumns);
    if (rest > 0) copy(whole, rest);
  }
}

// Step `size` of a transpose: swaps the off-diagonal quarters of each 2·size square.
template <int size, int... lane> SPLITMASK_INLINE void exchangeLanes(Vector& upper, Vector& lower) {
  const Vector a = __builtin_shufflevector(upper, lower, ((lane & size) ? lane - size + lanes : lane)...);
  lower = __builtin_shufflevector(upper, lower, ((lane & size) ? lane + lanes : lane + size)...);
  upper = a;
}
template <int size> SPLITMASK_INLINE void exchange(Vector& upper, Vector& lower) {
#if defined(__AVX512F__)
  exchangeLanes<size, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15>(upper, lower);
#elif defined(__AVX2__)
  exchangeLanes<size, 0, 1, 2, 3, 4, 5, 6, 7>(upper, lower);
#else
  exchangeLanes<size, 0, 1, 2, 3>(upper, lower);
#endif
}

SPLITMASK_INLINE void transposeSquare(Vector (&rows)[lanes]) {
#define SPLITMASK_EXCHANGE(size)                                                  \
  if constexpr (size < lanes) {                                                   \
    _Pragma("GCC unroll 16") for (int i = 0; i < lanes; ++i) if ((i & size) == 0) \
        exchange<size>(rows[i], rows[i + size]);                                  \
  }
  SPLITMASK_EXCHANGE(1)
  SPLITMASK_EXCHANGE(2)
  SPLITMASK_EXCHANGE(4)
  SPLITMASK_EXCHANGE(8)
#undef SPLITMASK_EXCHANGE
}

// One panel [element][tileColumns] from b as columns×inner.
template <Precision precision = Precision::float32, bool activate = false, class T>
inline void packTransposedColumns(float* to, const T* b, int64 bLeading, int64 inner, int64 columns) {
  constexpr int64 wide = lanes * innerStep<precision>;
  for (int v = 0; v < tileVectors; ++v) {
    const int64 count = columns - v * lanes;
    float* place = to + v * lanes;
    for (int64 k = 0; k < inner; k += wide, place += lanes * tileColumns) {
      Vector square[lanes];
      if (count >= lanes && k + wide <= inner) {
#pragma GCC unroll 16
        for (int i = 0; i < lanes; ++i)
          square[i] = fetchAlong<precision, activate>(b + (v * lanes + i) * bLeading + k, wide);
      } else {
#pragma GCC unroll 16
        for (int i = 0; i < lanes; ++i) {
          square[i] =
              i < count ? fetchAlong<precision, activate>(b + (v * lanes + i) * bLeading + k, inner - k) : Vector{};
        }
      }
      transposeSquare(square);
      if (k + wide <= inner) {
#pragma GCC unroll 16
        for (int i = 0; i < lanes; ++i) store(place + i * tileColumns, square[i]);
      } else {
        for (int i = 0; i < packedElements<precision>(inner - k); ++i) store(place + i * tileColumns, square[i]);
      }
    }
  }
}

// The same from b as columns×inner.
template <Precision precision = Precision::float32, bool activate = false, class T>
inline void packTransposedPanels(float* to, int64 stride, const T* b, int64 bLeading, int64 inner, int64 columns) {
  for (int64 column = 0; column < columns; column += tileColumns, to += stride) {
    packTransposedColumns<precision, activate>(to, b + column * bLeading, bLeading, inner,
                                               minimum(tileColumns, columns - column));
  }
}
SPLITMASK_INLINE int64 panelsSize(int64 inner, int64 columns) {
  return inner * divideUp(columns, tileColumns) * tileColumns;
}

}  // namespace splitmask::SPLITMASK_SET
