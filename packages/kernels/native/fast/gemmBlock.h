// A product of blocks that lie in the caches: a by rows or by inner index where it is, b in packed panels [panel][inner][tileColumns].
#pragma once
#include "gemmPack.h"

namespace splitmask::SPLITMASK_SET {

// The height of row panels: even ones, so that 100 rows are 7 × 13 + 9 and not 7 × 14 + 2.
SPLITMASK_INLINE int64 evenHeight(int64 rows) { return rows > 0 ? divideUp(rows, divideUp(rows, tileRows)) : 1; }

// c[rows × columns] = alpha·a·b + beta·c.
inline void multiplyBlock(
    int64 rows, int64 columns, int64 inner, const float* a, int64 aStride, Layout layout, const float* panels, float alpha,
    float beta, float* c, int64 cStride) {
  const int64 height = evenHeight(rows);
  const int rest = static_cast<int>(rows % height);
  const int64 aRow = layout == Layout::byRow ? aStride : 1;
  for (int64 column = 0; column < columns; column += tileColumns) {
    const int width = static_cast<int>(minimum(tileColumns, columns - column));
    const float* b = panels + column * inner;
    const TileKernel full = tileKernel(static_cast<int>(height), width, layout);
    int64 row = 0;
    for (; row + height <= rows; row += height) {
      full(inner, a + row * aRow, aStride, b, tileColumns, alpha, beta, c + row * cStride + column, cStride, width);
    }
    if (rest > 0) {
      const TileKernel kernel = tileKernel(rest, width, layout);
      kernel(inner, a + row * aRow, aStride, b, tileColumns, alpha, beta, c + row * cStride + column, cStride, width);
    }
  }
}

// Panels of b as inner×columns, or (transposed) as columns×inner.
inline void packPanels(float* to, const float* b, int64 bLeading, int64 inner, int64 columns) {
  for (int64 column = 0; column < columns; column += tileColumns) {
    packColumns(to + column * inner, b + column, bLeading, inner, static_cast<int>(minimum(tileColumns, columns - column)));
  }
}
inline void packTransposedPanels(float* to, const float* b, int64 bLeading, int64 inner, int64 columns) {
  for (int64 column = 0; column < columns; column += tileColumns) {
    const int width = static_cast<int>(minimum(tileColumns, columns - column));
    packTransposedColumns(to + column * inner, b + column * bLeading, bLeading, inner, width);
  }
}
SPLITMASK_INLINE int64 panelsSize(int64 inner, int64 columns) { return inner * divideUp(columns, tileColumns) * tileColumns; }

}  // namespace splitmask::SPLITMASK_SET
