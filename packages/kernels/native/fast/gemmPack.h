// Packing: copies blocks of a and b into the order in which the micro-kernel reads them. Transposes happen here; missing columns are zeros.
#pragma once
#include "gemmMicro.h"

namespace splitmask::SPLITMASK_SET {

SPLITMASK_INLINE int64 divideUp(int64 value, int64 by) { return (value + by - 1) / by; }

// The row stride of a packed block of a, `inner` wide: whole cache lines and an odd number of them, so that rows spread over all cache sets.
SPLITMASK_INLINE int64 packedStride(int64 inner) { return (divideUp(inner, 16) | 1) * 16; }

SPLITMASK_INLINE void copyRow(float* to, const float* from, int64 size) {
  int64 i = 0;
  for (; i + lanes <= size; i += lanes) store(to + i, load(from + i));
  if (i < size) storePartial(to + i, loadPartial(from + i, static_cast<int>(size - i)), static_cast<int>(size - i));
}

// Rows of a as they are, `stride` apart.
inline void packRows(float* to, int64 stride, const float* a, int64 aLeading, int64 rows, int64 inner) {
  for (int64 i = 0; i < rows; ++i) copyRow(to + i * stride, a + i * aLeading, inner);
}

// Panels of `height` rows are this wide in packed transposed a: whole vectors.
SPLITMASK_INLINE int64 panelWidth(int64 height) { return divideUp(height, lanes) * lanes; }

// Panels of `height` rows of a whose memory is inner×rows: panel p holds [inner][panelWidth(height)]. `readable`: floats of a line of a from `a` on.
inline void packTransposedRows(
    float* to, int64 height, const float* a, int64 aLeading, int64 rows, int64 inner, int64 readable) {
  const int64 width = panelWidth(height), panelSize = width * inner;
  // Whole vectors may run into the next panel's rows, but not beyond the line.
  const int64 whole = readable < width ? 0 : minimum(divideUp(rows, height), (readable - width) / height + 1);
  for (int64 k = 0; k < inner; ++k) {
    const float* line = a + k * aLeading;
    float* place = to + k * width;
    for (int64 row = 0; row < rows; row += 16) __builtin_prefetch(line + 8 * aLeading + row);
    for (int64 panel = 0; panel < whole; ++panel) {
      for (int64 v = 0; v < width; v += lanes) store(place + panel * panelSize + v, load(line + panel * height + v));
    }
    for (int64 row = whole * height; row < rows; row += height) {
      copyRow(place + row / height * panelSize, line + row, minimum(height, rows - row));
    }
  }
}

// Panels [panel][inner][tileColumns] from b as inner×columns, line by line of b.
inline void packPanels(float* to, const float* b, int64 bLeading, int64 inner, int64 columns) {
  const int64 whole = columns / tileColumns;
  const int rest = static_cast<int>(columns % tileColumns);
  for (int64 k = 0; k < inner; ++k) {
    const float* line = b + k * bLeading;
    float* place = to + k * tileColumns;
    for (int64 column = 0; column < columns; column += 16) __builtin_prefetch(line + 8 * bLeading + column);
    for (int64 panel = 0; panel < whole; ++panel) {
#pragma GCC unroll 4
      for (int v = 0; v < tileVectors; ++v) {
        store(place + panel * inner * tileColumns + v * lanes, load(line + panel * tileColumns + v * lanes));
      }
    }
    if (rest == 0) continue;
    for (int v = 0; v < tileVectors; ++v) {
      const int count = rest - v * lanes;
      store(
          place + whole * inner * tileColumns + v * lanes,
          count <= 0 ? Vector{} : loadPartial(line + whole * tileColumns + v * lanes, count < lanes ? count : lanes));
    }
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
#define SPLITMASK_EXCHANGE(size)                        \
  if constexpr (size < lanes) {                         \
    _Pragma("GCC unroll 16") for (int i = 0; i < lanes; ++i) \
      if ((i & size) == 0) exchange<size>(rows[i], rows[i + size]); \
  }
  SPLITMASK_EXCHANGE(1)
  SPLITMASK_EXCHANGE(2)
  SPLITMASK_EXCHANGE(4)
  SPLITMASK_EXCHANGE(8)
#undef SPLITMASK_EXCHANGE
}

// One panel [inner][tileColumns] from b as columns×inner.
inline void packTransposedColumns(float* to, const float* b, int64 bLeading, int64 inner, int columns) {
  for (int v = 0; v < tileVectors; ++v) {
    const int count = columns - v * lanes;
    for (int64 k = 0; k < inner; k += lanes) {
      const int width = static_cast<int>(minimum(lanes, inner - k));
      Vector square[lanes];
      if (count >= lanes && width == lanes) {
#pragma GCC unroll 16
        for (int i = 0; i < lanes; ++i) square[i] = load(b + (v * lanes + i) * bLeading + k);
      } else {
#pragma GCC unroll 16
        for (int i = 0; i < lanes; ++i) square[i] = i < count ? loadPartial(b + (v * lanes + i) * bLeading + k, width) : Vector{};
      }
      transposeSquare(square);
      float* place = to + k * tileColumns + v * lanes;
      if (width == lanes) {
#pragma GCC unroll 16
        for (int i = 0; i < lanes; ++i) store(place + i * tileColumns, square[i]);
      } else {
        for (int i = 0; i < width; ++i) store(place + i * tileColumns, square[i]);
      }
    }
  }
}

// The same from b as columns×inner.
inline void packTransposedPanels(float* to, const float* b, int64 bLeading, int64 inner, int64 columns) {
  for (int64 column = 0; column < columns; column += tileColumns) {
    const int width = static_cast<int>(minimum(tileColumns, columns - column));
    packTransposedColumns(to + column * inner, b + column * bLeading, bLeading, inner, width);
  }
}
SPLITMASK_INLINE int64 panelsSize(int64 inner, int64 columns) { return inner * divideUp(columns, tileColumns) * tileColumns; }

}  // namespace splitmask::SPLITMASK_SET
