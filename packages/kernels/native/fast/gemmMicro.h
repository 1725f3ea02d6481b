// The micro-kernel of every matrix product: a tile of up to tileRows × tileColumns accumulators that stay in registers
// over the whole of k. Each accumulator is one chain of multiply-adds in rising k, so an element's bits do not depend
// on the tile it falls in.
#pragma once
#include "fetchAhead.h"
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

// While a tile is computed, memory for later is fetched each time that so many elements of the inner dimension are
// done: a few lines at a time, because a burst of prefetches keeps the core waiting.
constexpr int64 fetchEvery = 16;
SPLITMASK_INLINE int64 fetchesPerTile(int64 inner) { return (inner + fetchEvery - 1) / fetchEvery; }

// sums[i][v] = Σ_k a(i, k) · b[k·bStride + v·lanes …], of packed elements that hold `step` steps of the inner
// dimension. `between` is called once for every `interval` elements, and for the rest.
template <int rows, int vectors, Layout layout, int64 step, class Between>
SPLITMASK_INLINE void multiplyTile(int64 inner, const float* a, int64 aStride, const float* b, int64 bStride,
                                   Vector (&sums)[rows][vectors], int64 interval, const Between& between) {
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) sums[i][v] = Vector{};
  // Three rows share a pointer (offsets 0, stride, 2·stride are one address each), which keeps the loop within the
  // scalar registers.
  constexpr int groups = (rows + 2) / 3;
  const float* lines[groups];
#pragma GCC unroll 8
  for (int g = 0; g < groups; ++g) lines[g] = a + 3 * g * aStride;
  while (inner > 0) {
    int64 k = minimum(inner, interval);
    inner -= k;
    do {
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
    } while (--k > 0);
    between();
  }
}
template <int rows, int vectors, Layout layout, int64 step>
SPLITMASK_INLINE void multiplyTile(int64 inner, const float* a, int64 aStride, const float* b, int64 bStride,
                                   Vector (&sums)[rows][vectors]) {
  multiplyTile<rows, vectors, layout, step>(inner, a, aStride, b, bStride, sums, inner, [] {});
}

// What becomes of a tile: c[rows × columns] = alpha·(a·b) + beta·c + bias + residual, c not read when beta is 0;
// columns ≤ vectors·lanes. It lies in memory, because registers that hold its numbers over the loop would be missing
// there.
struct TileOutput {
  float* c;
  int64 stride;
  int columns;
  float alpha, beta;
  const float* bias;      // by column; may be null
  const float* residual;  // rows as far apart as those of c; may be null
  // What is fetched while the products are formed: lines that will be written and lines that will be read, rows
  // `fetchStride` apart, and what comes after this tile. Each may be null.
  const float* written = nullptr;
  const float* read = nullptr;
  int64 fetchStride = 0;
  FetchAhead* ahead = nullptr;
};

using TileKernel = void (*)(int64 inner, const float* a, int64 aStride, const float* b, int64 bStride,
                            const TileOutput& output);

// `take` and `put` read and write vector v of a row, the last one perhaps in part.
template <int rows, int vectors, class Take, class Put>
SPLITMASK_INLINE void writeTile(const Vector (&sums)[rows][vectors], const TileOutput& output, const Take& take,
                                const Put& put) {
  const float alpha = output.alpha, beta = output.beta;
  Vector bias[vectors] = {};
  if (output.bias) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) bias[v] = take(output.bias, v);
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      float* row = output.c + i * output.stride;
      Vector value = sums[i][v] * alpha;
      if (beta != 0.0f) value += take(row, v) * beta;
      value += bias[v];
      if (output.residual) value += take(output.residual + i * output.stride, v);
      put(row, v, value);
    }
}

template <int rows, int vectors, Layout layout, int64 step>
void computeTile(int64 inner, const float* a, int64 aStride, const float* b, int64 bStride, const TileOutput& output) {
  int64 fetched = output.written ? 0 : rows;
  const auto fetchRow = [&] {
    const int64 place = fetched++ * output.fetchStride;
    __builtin_prefetch(output.written + place, 1);
    __builtin_prefetch(output.written + place + vectors * lanes - 1, 1);
    if (!output.read) return;
    __builtin_prefetch(output.read + place);
    __builtin_prefetch(output.read + place + vectors * lanes - 1);
  };
  // Two rows at a time while the products are formed; where the inner dimension is too short for all, some before.
  while (fetched < rows - 2 * fetchesPerTile(inner)) fetchRow();
  Vector sums[rows][vectors];
  multiplyTile<rows, vectors, layout, step>(inner, a, aStride, b, bStride, sums, fetchEvery, [&] {
    for (int i = 0; i < 2 && fetched < rows; ++i) fetchRow();
    if (output.ahead) output.ahead->step();
  });
  if (output.columns == vectors * lanes) {
    writeTile<rows, vectors>(
        sums, output, [](const float* row, int v) { return load(row + v * lanes); },
        [](float* row, int v, Vector value) { store(row + v * lanes, value); });
  } else {
    const int last = output.columns - (vectors - 1) * lanes;
    const auto count = [&](int v) { return v + 1 < vectors ? lanes : last; };
    writeTile<rows, vectors>(
        sums, output, [&](const float* row, int v) { return loadPartial(row + v * lanes, count(v)); },
        [&](float* row, int v, Vector value) { storePartial(row + v * lanes, value, count(v)); });
  }
}

template <int vectors, Layout layout, int64 step, int rows = tileRows> TileKernel findTileKernel(int wanted) {
  if constexpr (rows == 1) {
    return &computeTile<1, vectors, layout, step>;
  } else {
    return wanted == rows ? &computeTile<rows, vectors, layout, step>
                          : findTileKernel<vectors, layout, step, rows - 1>(wanted);
  }
}

// The kernel for tiles of `rows` (1 … tileRows) rows and at most `columns` (1 … tileColumns) columns.
template <Precision precision = Precision::float32> inline TileKernel tileKernel(int rows, int columns, Layout layout) {
  constexpr int64 step = innerStep<precision>;
  if (columns <= lanes) {
    return layout == Layout::byRow ? findTileKernel<1, Layout::byRow, step>(rows)
                                   : findTileKernel<1, Layout::byInner, step>(rows);
  }
  return layout == Layout::byRow ? findTileKernel<2, Layout::byRow, step>(rows)
                                 : findTileKernel<2, Layout::byInner, step>(rows);
}

}  // namespace splitmask::SPLITMASK_SET
