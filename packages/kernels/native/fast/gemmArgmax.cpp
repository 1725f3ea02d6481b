// gemmArgmax: each tile of a·bᵀ goes from the micro-kernel's registers into a running (value, index) for every row and lane; the product is never written.
#include "../indices.h"
#include "../parallel.h"
#include "gemmBlock.h"

namespace splitmask::SPLITMASK_SET {

namespace {

// Packed b of one pass, in floats.
constexpr int64 packedLimit = 16 << 20;

// By lanes the largest value so far and its column.
struct Best {
  Vector value;
  IntVector index;
};

// A NaN is larger than any number, and the first of equals stays, as in the naive version.
SPLITMASK_INLINE void consider(Best& best, Vector value, IntVector index) {
  const IntVector better = ~(value <= best.value) & (best.value == best.value);
  best.value = select(better, value, best.value);
  best.index = select(better, index, best.index);
}

void reduceTile(Best* best, const float* tile, int64 rows, int columns, int64 column, const float* bias) {
  const IntVector lane = laneNumbers();
  const Vector none = broadcast(-__builtin_inff());
  for (int v = 0; v * lanes < columns; ++v) {
    const int count = columns - v * lanes < lanes ? columns - v * lanes : lanes;
    const IntVector index = broadcast(static_cast<int>(column) + v * lanes) + lane;
    const IntVector present = firstLanes(count);
    const Vector offset = bias ? loadPartial(bias + column + v * lanes, count) : Vector{};
    for (int64 i = 0; i < rows; ++i) {
      const Vector value = load(tile + i * tileColumns + v * lanes) + offset;
      consider(best[i], select(present, value, none), index);
    }
  }
}

}  // namespace

void gemmArgmax(const Call& call) {
  int* output = call.buffer<int>(0);
  float* bestValue = call.buffer<float>(1);
  const float* a = call.buffer<float>(2);
  const float* b = call.buffer<float>(3);
  const float* bias = call.buffer<float>(4);
  const int64 m = call.integer(0), n = call.integer(1), k = call.integer(2);
  if (m <= 0) return;
  const int64 chunk = maximum(32, packedLimit / (maximum(1, k) * tileColumns)) * tileColumns;
  const int64 height = evenHeight(m);
  // A task's block of a is to stay in the second-level cache.
  const int64 blockRows = maximum(1, minimum(8 * tileRows, (1 << 16) / maximum(1, k)) / height) * height;
  const int64 tasks = divideUp(m, blockRows);
  const int64 stride = packedStride(k);
  const int64 packedFloats = panelsSize(k, minimum(n, chunk)), bestFloats = m * int64(sizeof(Best) / sizeof(float));
  const int64 privateFloats = divideUp(blockRows * stride + tileRows * tileColumns, 16) * 16;
  float* scratch = static_cast<float*>(
      call.scratch(call, 0, (bestFloats + packedFloats + call.parallel->threads * privateFloats) * 4));
  Best* best = reinterpret_cast<Best*>(scratch);
  float* packed = scratch + bestFloats;
  float* privates = packed + packedFloats;
  for (int64 i = 0; i < m; ++i) best[i] = {broadcast(-__builtin_inff()), IntVector{}};

  for (int64 first = 0; first < n; first += chunk) {
    const int64 columns = minimum(chunk, n - first), panels = divideUp(columns, tileColumns);
    const int64 group = maximum(1, (1 << 15) / (maximum(1, k) * tileColumns));
    parallelFor(call, divideUp(panels, group), [&](int64 task, int) {
      const int64 start = task * group * tileColumns, end = minimum(columns, start + group * tileColumns);
      packTransposedPanels(packed + start * k, b + (first + start) * k, k, k, end - start);
    });
    parallelFor(call, tasks, [&](int64 task, int thread) {
      float* tile = privates + thread * privateFloats;
      float* packedA = tile + tileRows * tileColumns;
      const int64 rowStart = task * blockRows, rows = minimum(blockRows, m - rowStart);
      packRows(packedA, stride, a + rowStart * k, k, rows, k);
      for (int64 column = 0; column < columns; column += tileColumns) {
        const int width = static_cast<int>(minimum(tileColumns, columns - column));
        for (int64 row = 0; row < rows; row += height) {
          const int64 count = minimum(height, rows - row);
          const TileKernel kernel = tileKernel(static_cast<int>(count), width, Layout::byRow);
          kernel(k, packedA + row * stride, stride, packed + column * k, tileColumns, {tile, tileColumns, width, 1.0f, 0.0f, nullptr, nullptr});
          reduceTile(best + rowStart + row, tile, count, width, first + column, bias);
        }
      }
    });
  }

  for (int64 i = 0; i < m; ++i) {
    float value = best[i].value[0];
    int index = best[i].index[0];
    for (int lane = 1; lane < lanes; ++lane) {
      const float other = best[i].value[lane];
      const int otherIndex = best[i].index[lane];
      const bool larger = other > value || (other != other && value == value);
      const bool equal = other == value || (other != other && value != value);
      if (larger || (equal && otherIndex < index)) {
        value = other;
        index = otherIndex;
      }
    }
    output[i] = value - value == 0 ? index : noIndex;  // ∞ − ∞ is NaN, too
    if (bestValue) bestValue[i] = value;
  }
}

}  // namespace splitmask::SPLITMASK_SET
