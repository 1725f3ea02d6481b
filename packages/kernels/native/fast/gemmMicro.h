// The micro-kernel of every matrix product: a tile of up to tileRows × tileColumns accumulators that stay in registers over the whole of k.
// Each accumulator is one chain of multiply-adds in rising k, so an element's bits do not depend on the tile it falls in.
#pragma once
#include "gemmPrecision.h"

namespace splitmask::SPLITMASK_SET {

// Rows × vectors of the tile: as many accumulators as leave registers for the vectors of b and one broadcast of a.
#if defined(__AVX512F__)
constexpr int tileRows = 14;
#elif defined(__aarch64__)
constexpr int tileRows = 10;
#else
constexpr int tileRows = 6;
#endif
constexpr int tileVectors = 2;
constexpr int tileColumns = tileVectors * lanes;

// How a tile's elements of a lie. byRow: (i, k) at a[i·stride + k]; byInner: at a[i + k·stride].
enum class Layout { byRow, byInner };

// sums[i][v] = Σ_k a(i, k) · b[k·bStride + v·lanes …], of packed elements that hold `step` steps of the inner dimension.
template <int rows, int vectors, Layout layout, int64 step>
SPLITMASK_INLINE void multiplyTile(
    int64 inner, const float* a, int64 aStride, const float* b, int64 bStride, Vector (&sums)[rows][vectors]) {
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) sums[i][v] = Vector{};
  // Three rows share a pointer (offsets 0, stride, 2·stride are one address each), which keeps the loop within the scalar registers.
  constexpr int groups = (rows + 2) / 3;
  const float* lines[groups];
#pragma GCC unroll 8
  for (int g = 0; g < groups; ++g) lines[g] = a + 3 * g * aStride;
  for (int64 k = 0; k < inner; ++k) {
    Vector right[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) right[v] = load(b + v * lanes);
    b += bStride;
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      const Vector left = broadcast(layout == Layout::byRow ? lines[i / 3][(i % 3) * aStride] : a[i]);
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) multiplyAdd<step>(sums[i][v], left, right[v]);
    }
    if (layout == Layout::byRow) {
#pragma GCC unroll 8
      for (int g = 0; g < groups; ++g) ++lines[g];
    } else {
      a += aStride;
    }
  }
}

// c[rows × columns] = alpha·(a·b) + beta·c, c not read when beta is 0; columns ≤ vectors·lanes.
using TileKernel = void (*)(
    int64 inner, const float* a, int64 aStride, const float* b, int64 bStride, float alpha, float beta, float* c,
    int64 cStride, int columns);

template <int rows, int vectors, Layout layout, int64 step>
void computeTile(
    int64 inner, const float* a, int64 aStride, const float* b, int64 bStride, float alpha, float beta, float* c,
    int64 cStride, int columns) {
  Vector sums[rows][vectors];
  multiplyTile<rows, vectors, layout, step>(inner, a, aStride, b, bStride, sums);
  if (columns == vectors * lanes) {
    if (beta == 0.0f) {
#pragma GCC unroll 16
      for (int i = 0; i < rows; ++i)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) store(c + i * cStride + v * lanes, sums[i][v] * alpha);
    } else {
#pragma GCC unroll 16
      for (int i = 0; i < rows; ++i)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) {
          float* place = c + i * cStride + v * lanes;
          store(place, sums[i][v] * alpha + load(place) * beta);
        }
    }
    return;
  }
  const int last = columns - (vectors - 1) * lanes;
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      float* place = c + i * cStride + v * lanes;
      const int count = v + 1 < vectors ? lanes : last;
      Vector value = sums[i][v] * alpha;
      if (beta != 0.0f) value += loadPartial(place, count) * beta;
      storePartial(place, value, count);
    }
}

template <int vectors, Layout layout, int64 step, int rows = tileRows> TileKernel findTileKernel(int wanted) {
  if constexpr (rows == 1) {
    return &computeTile<1, vectors, layout, step>;
  } else {
    return wanted == rows ? &computeTile<rows, vectors, layout, step> : findTileKernel<vectors, layout, step, rows - 1>(wanted);
  }
}

// The kernel for tiles of `rows` (1 … tileRows) rows and at most `columns` (1 … tileColumns) columns.
template <Precision precision = Precision::float32> inline TileKernel tileKernel(int rows, int columns, Layout layout) {
  constexpr int64 step = innerStep<precision>;
  if (columns <= lanes) {
    return layout == Layout::byRow ? findTileKernel<1, Layout::byRow, step>(rows) : findTileKernel<1, Layout::byInner, step>(rows);
  }
  return layout == Layout::byRow ? findTileKernel<2, Layout::byRow, step>(rows) : findTileKernel<2, Layout::byInner, step>(rows);
}

}  // namespace splitmask::SPLITMASK_SET
