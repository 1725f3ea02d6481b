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

}  // namespace splitmask::SPLITMASK_SET
